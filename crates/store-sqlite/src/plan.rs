//! Planning.

use std::collections::HashMap;

use crate::{campaigns::select_campaign, prelude::*};

const ADD_MESSAGES: Bulk = Bulk {
    head: "INSERT INTO messages (id, workspace_id, campaign_id, row_no, lane, state, sender_id, binding, expires_at, \
           created_at, hash, phone, business_scoped_id, linked_id, wa_id, chars) VALUES",
    row: "(?, ?1, ?2, ?, 'campaign', 'waiting', ?, ?, ?3, ?4, ?, ?, ?, ?, ?, ?)",
    tail: "",
};

#[async_trait]
impl PlanRows for Tx {
    async fn find_suppressed_rows(
        &mut self,
        campaign: &Locked<CampaignRow>,
        after_row: i64,
        through_row: i64,
    ) -> Fallible<HashMap<i64, (DateTime<Utc>, SuppressionReason)>> {
        let query = sqlx::query(
            "SELECT r.row_no, s.since, s.reason FROM recipients r CROSS JOIN suppressions s \
             WHERE r.campaign_id = ?2 AND r.row_no > ?3 AND r.row_no <= ?4 AND s.workspace_id = ?1 AND s.hash = r.hash",
        );
        let query = query.bind(blob(campaign.workspace)).bind(blob(campaign.id)).bind(after_row).bind(through_row);
        self.list(query, columns::suppressed).await
    }

    async fn add_planned(
        &mut self,
        campaign: &Locked<CampaignRow>,
        now: DateTime<Utc>,
        messages: &[PlannedWrite<'_>],
    ) -> Fallible<()> {
        let done = ADD_MESSAGES
            .run(
                self,
                messages,
                |values| {
                    values.add(blob(campaign.workspace)).add(blob(campaign.id));
                    values.add(opt_micros(campaign.expires_at)).add(micros(now));
                },
                |values, PlannedWrite { message, sticky }| {
                    let (recipient, address) = (&message.recipient, &message.recipient.address);
                    let binding = if sticky.is_some() { Binding::Sticky } else { Binding::Free };
                    values.add(blob(message.id)).add(recipient.row).add(opt_blob(*sticky)).add(binding.as_str());
                    values.add(recipient.hash.to_bytes().to_vec());
                    values.add(address.phone.as_ref().map(PhoneNumber::as_e164));
                    values.add(address.business_scoped_id.as_deref()).add(address.linked_id.as_deref());
                    values.add(message.wa_id.as_str()).add(message.content.typed_chars());
                },
            )
            .await?;
        let contents: Vec<&Content> = messages.iter().map(|planned| &planned.message.content).collect();
        self.add_contents(campaign.workspace, done.last, &contents).await
    }
}

/// The texts.
pub(crate) const TEXTS: PlanTexts = PlanTexts {
    list: select_campaign!(
        ", w.key FROM campaigns c JOIN workspaces w ON w.id = c.workspace_id \
             WHERE c.state = 'running' AND c.planned_through < c.rows ORDER BY c.started_at, c.created_at, c.id LIMIT ?1"
    ),
    list_undecided: "SELECT r.row_no, r.phone, r.business_scoped_id, r.linked_id, r.hash, r.variables, \
                EXISTS (SELECT 1 FROM suppressions s WHERE s.workspace_id = ?1 AND s.hash = r.hash) AS is_suppressed, \
                (SELECT m.sender_id FROM messages m INDEXED BY messages_to_person \
                 WHERE m.hash = r.hash AND m.attempts > 0 AND m.workspace_id = ?1 AND m.sent_at IS NOT NULL \
                    AND m.sender_id IN (SELECT s.id FROM pools p JOIN pool_members pm ON pm.pool_id = p.id \
                        JOIN senders s ON s.id = pm.sender_id \
                        WHERE p.workspace_id = ?1 AND p.name = ?2 AND s.state = 'active' AND s.session_state <> 'banned') \
                 ORDER BY m.attempted_at DESC LIMIT 1) AS sticky \
             FROM recipients r WHERE r.campaign_id = ?3 AND r.row_no > ?4 AND r.row_no <= ?5 ORDER BY r.row_no LIMIT ?6",
};
