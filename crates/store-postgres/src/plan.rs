//! Planning: what is not decided yet, and the messages that come of it.

use std::collections::HashMap;

use crate::{bulk::Copy, campaigns::select_campaign, prelude::*};

const WRITE_MESSAGES: &str = "COPY messages \
    (seq, id, workspace_id, campaign_id, row_no, lane, state, sender_id, binding, expires_at, created_at, hash, phone, \
     business_scoped_id, linked_id, wa_id, chars) FROM STDIN (FORMAT binary)";

const WRITE_CONTENTS: &str = "COPY message_contents (message_seq, workspace_id, content) FROM STDIN (FORMAT binary)";

/// The inner limit, and the offset, keep the two from being joined any other way than person by person, through the index.
const FIND_SUPPRESSED: &str = "SELECT r.row_no, s.since, s.reason FROM (SELECT row_no, hash FROM recipients \
        WHERE campaign_id = $1 AND row_no > $2 AND row_no <= $3 OFFSET 0) r CROSS JOIN LATERAL \
    (SELECT since, reason FROM suppressions WHERE workspace_id = $4 AND hash = r.hash LIMIT 1) AS s";

const LIST_UNDECIDED: &str = "WITH pool AS MATERIALIZED (SELECT array_agg(s.id) AS senders \
        FROM pools p JOIN pool_members pm ON pm.pool_id = p.id JOIN senders s ON s.id = pm.sender_id \
        WHERE p.workspace_id = $1 AND p.name = $2 AND s.state = 'active' AND s.session_state <> 'banned') \
     SELECT r.row_no, r.phone, r.business_scoped_id, r.linked_id, r.hash, r.variables, \
        EXISTS (SELECT 1 FROM suppressions s WHERE s.workspace_id = $1 AND s.hash = r.hash) AS is_suppressed, \
        (SELECT m.sender_id FROM messages m \
         WHERE m.hash = r.hash AND m.attempts > 0 AND m.workspace_id = $1 AND m.sent_at IS NOT NULL \
            AND m.sender_id = ANY ((SELECT senders FROM pool)::uuid[]) \
         ORDER BY m.attempted_at DESC LIMIT 1) AS sticky \
     FROM recipients r WHERE r.campaign_id = $3 AND r.row_no > $4 AND r.row_no <= $5 ORDER BY r.row_no LIMIT $6";

#[async_trait]
impl PlanRows for Tx {
    async fn find_suppressed_rows(
        &mut self,
        campaign: &Locked<CampaignRow>,
        after_row: i64,
        through_row: i64,
    ) -> Fallible<HashMap<i64, (DateTime<Utc>, SuppressionReason)>> {
        let query = sqlx::query(FIND_SUPPRESSED).bind(uuid(campaign.id)).bind(after_row).bind(through_row);
        self.list(query.bind(uuid(campaign.workspace)), columns::suppressed).await
    }

    async fn add_planned(
        &mut self,
        campaign: &Locked<CampaignRow>,
        now: DateTime<Utc>,
        messages: &[PlannedWrite<'_>],
    ) -> Fallible<()> {
        if messages.is_empty() {
            return Ok(());
        }
        let seqs = self.take_seqs(messages.len()).await?;
        let (workspace, id) = (uuid(campaign.workspace), uuid(campaign.id));
        let (mut rows, mut contents) = (Copy::new(17), Copy::new(3));
        for (&seq, PlannedWrite { message, sticky }) in seqs.iter().zip(messages) {
            let (recipient, address) = (&message.recipient, &message.recipient.address);
            let binding = if sticky.is_some() { Binding::Sticky } else { Binding::Free };
            rows.row().number(seq).uuid(uuid(message.id)).uuid(workspace).uuid(id).number(recipient.row);
            rows.text(Lane::Campaign.as_str()).text(MessageState::Waiting.as_str()).opt_uuid(opt_uuid(*sticky));
            rows.text(binding.as_str()).opt_time(campaign.expires_at).time(now);
            rows.bytes(&recipient.hash.to_bytes()).opt_text(address.phone.as_ref().map(PhoneNumber::as_e164));
            rows.opt_text(address.business_scoped_id.as_deref()).opt_text(address.linked_id.as_deref());
            rows.text(message.wa_id.as_str()).small(i32::try_from(message.content.typed_chars()).unwrap_or(i32::MAX));
            contents.row().number(seq).uuid(workspace).text(&serde_json::json!(message.content).to_string());
        }
        rows.run(self, WRITE_MESSAGES).await?;
        contents.run(self, WRITE_CONTENTS).await
    }
}

impl Tx {
    /// Numbers for new messages. They are taken before the messages are written because COPY returns nothing.
    async fn take_seqs(&mut self, count: usize) -> Fallible<Vec<i64>> {
        let take = sqlx::query("SELECT nextval('messages_seq_seq') AS seq FROM generate_series(1, $1::bigint)");
        self.list(take.bind(i64::try_from(count).unwrap_or(0)), columns::number("messages", "seq")).await
    }
}

/// The texts.
pub(crate) const TEXTS: PlanTexts = PlanTexts {
    list: select_campaign!(
        ", w.key FROM campaigns c JOIN workspaces w ON w.id = c.workspace_id \
             WHERE c.state = 'running' AND c.planned_through < c.rows ORDER BY c.started_at, c.created_at, c.id LIMIT $1"
    ),
    list_undecided: LIST_UNDECIDED,
};
