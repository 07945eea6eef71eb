//! Planning: rows become messages or exclusions.

use std::collections::{BTreeMap, HashMap, HashSet};

use async_trait::async_trait;
use paceline_domain::{
    AddressHash, CampaignId, CampaignState, Content, Exclusion, MessageState, PhoneNumber, SenderId, WorkspaceId,
    WorkspaceKey,
};
use paceline_store::{
    StoreResult,
    campaigns::Campaign,
    plan::{PlanStore, PlannedBatch, PlannedMessage, PlanningCampaign, UnplannedRow},
    suppressions::Suppression,
};

use crate::{
    bulk::Bulk,
    campaigns::{campaign_columns, read_campaign},
    cells::Cells,
    counters::{Count, Ledger},
    error::{Fallible, conflict},
    open::SqliteStore,
    recipients::{NewExclusion, read_recipient},
    suppressions::{read_suppression, suppression_columns},
    transaction::Tx,
    values::{blob, json_blobs, micros, opt_blob},
};

const WRITE_MESSAGES: Bulk = Bulk {
    head: "INSERT INTO messages (id, workspace_id, campaign_id, row_no, lane, state, sender_id, binding, expires_at, \
           created_at, hash, phone, business_scoped_id, linked_id, wa_id, chars) VALUES",
    row: "(?, ?1, ?2, ?, 'campaign', 'waiting', ?, ?, ?3, ?4, ?, ?, ?, ?, ?, ?)",
    tail: "",
};

#[async_trait]
impl PlanStore for SqliteStore {
    async fn list_planning(&self, limit: u32) -> StoreResult<Vec<PlanningCampaign>> {
        let query = sqlx::query(concat!(
            "SELECT ",
            campaign_columns!(),
            ", w.key FROM campaigns c JOIN workspaces w ON w.id = c.workspace_id \
             WHERE c.state = 'running' AND c.planned_through < c.rows ORDER BY c.started_at, c.id LIMIT ?1"
        ));
        let rows = self.all(query.bind(limit)).await?;
        let planning = |row| {
            let key = WorkspaceKey::from_bytes(Cells::new("workspaces", row).array("key")?);
            Ok(PlanningCampaign { campaign: read_campaign(row)?, key })
        };
        Ok(rows.iter().map(planning).collect::<Fallible<_>>()?)
    }

    async fn list_unplanned(&self, campaign: &Campaign, after_row: i64, limit: u32) -> StoreResult<Vec<UnplannedRow>> {
        Ok(self.read_unplanned(campaign, after_row, limit).await?)
    }

    async fn record_plan(&self, batch: PlannedBatch) -> StoreResult<()> {
        self.write(move |tx| Box::pin(tx.record_plan(batch))).await
    }
}

impl SqliteStore {
    async fn read_unplanned(&self, campaign: &Campaign, after_row: i64, limit: u32) -> Fallible<Vec<UnplannedRow>> {
        let query = sqlx::query(
            "SELECT r.row_no, r.phone, r.business_scoped_id, r.linked_id, r.hash, r.variables, \
                EXISTS (SELECT 1 FROM suppressions s WHERE s.workspace_id = ?1 AND s.hash = r.hash) AS suppressed, \
                (SELECT m.sender_id FROM messages m INDEXED BY messages_to_person \
                 WHERE m.hash = r.hash AND m.attempts > 0 AND m.workspace_id = ?1 AND m.sent_at IS NOT NULL \
                    AND m.sender_id IN (SELECT s.id FROM pools p JOIN pool_members pm ON pm.pool_id = p.id \
                        JOIN senders s ON s.id = pm.sender_id \
                        WHERE p.workspace_id = ?1 AND p.name = ?2 AND s.state = 'active' AND s.session_state <> 'banned') \
                 ORDER BY m.attempted_at DESC LIMIT 1) AS sticky \
             FROM recipients r WHERE r.campaign_id = ?3 AND r.row_no > ?4 AND r.row_no <= ?5 ORDER BY r.row_no LIMIT ?6",
        );
        let query = query
            .bind(blob(campaign.workspace))
            .bind(&campaign.definition.pool)
            .bind(blob(campaign.id))
            .bind(after_row)
            .bind(campaign.rows)
            .bind(limit);
        let rows = self.all(query).await?;
        let mut suppressed = Vec::new();
        let mut unplanned = Vec::with_capacity(rows.len());
        for row in &rows {
            let cells = Cells::new("recipients", row);
            let recipient = read_recipient(row)?;
            if cells.flag("suppressed")? {
                suppressed.push(recipient.hash);
            }
            unplanned.push(UnplannedRow { recipient, suppression: None, sticky: cells.opt_id("sticky")? });
        }
        if !suppressed.is_empty() {
            let mut found = self.find_suppressions(campaign.workspace, &suppressed).await?;
            for row in &mut unplanned {
                row.suppression = found.remove(&row.recipient.hash);
            }
        }
        Ok(unplanned)
    }

    async fn find_suppressions(
        &self,
        workspace: WorkspaceId,
        hashes: &[AddressHash],
    ) -> Fallible<HashMap<AddressHash, Suppression>> {
        let query = sqlx::query(concat!(
            "SELECT ",
            suppression_columns!(),
            " FROM json_each(?2) j CROSS JOIN suppressions s WHERE s.workspace_id = ?1 AND s.hash = unhex(j.value)"
        ));
        let hashes = json_blobs(hashes.iter().map(|hash| hash.to_bytes()));
        let rows = self.all(query.bind(blob(workspace)).bind(hashes)).await?;
        rows.iter().map(|row| read_suppression(row).map(|suppression| (suppression.hash, suppression))).collect()
    }
}

impl Tx {
    async fn record_plan(&mut self, batch: PlannedBatch) -> Fallible<()> {
        let query = sqlx::query(
            "SELECT id, workspace_id, expires_at FROM campaigns WHERE id = ?1 AND state = ?2 AND planned_through = ?3",
        );
        let query = query.bind(blob(batch.campaign)).bind(CampaignState::Running.as_str()).bind(batch.after_row);
        let row = self.one(query).await?.ok_or_else(|| conflict("campaigns.planned_through"))?;
        let cells = Cells::new("campaigns", &row);
        let (workspace, expires_at) = (cells.id("workspace_id")?, cells.opt_number("expires_at")?);

        let mut exclusions: Vec<_> = batch.exclusions.into_iter().map(|(row, why)| exclude(&row, why)).collect();
        let suppressed =
            self.find_suppressed_rows(workspace, batch.campaign, batch.after_row, batch.through_row).await?;
        let mut messages = batch.messages;
        messages.retain(|message| match suppressed.get(&message.recipient.row) {
            None => true,
            Some(why) => {
                exclusions.push(exclude(&message.recipient, why.clone()));
                false
            }
        });
        self.unbind_from_removed(&mut messages).await?;
        // By id, so that three of the four indexes grow at their right edge.
        messages.sort_unstable_by_key(|message| message.id);
        self.write_messages(workspace, batch.campaign, expires_at, micros(batch.now), &messages).await?;
        self.write_excluded_rows(batch.campaign, workspace, &exclusions).await?;
        let through = sqlx::query("UPDATE campaigns SET planned_through = ?2 WHERE id = ?1");
        self.execute(through.bind(blob(batch.campaign)).bind(batch.through_row)).await?;

        let ledger = Ledger::of(workspace, Some(batch.campaign));
        self.count_new(ledger, MessageState::Waiting, i64::try_from(messages.len()).unwrap_or(0));
        for excluded in &exclusions {
            self.count(ledger, &Count::Excluded(excluded.exclusion.reason().into()), 1);
        }
        Ok(())
    }

    /// A sender that was removed since the planner looked keeps nobody waiting.
    async fn unbind_from_removed(&mut self, messages: &mut [PlannedMessage]) -> Fallible<()> {
        let sticky: HashSet<SenderId> = messages.iter().filter_map(|message| message.sticky).collect();
        if sticky.is_empty() {
            return Ok(());
        }
        let query = sqlx::query(
            "SELECT s.id FROM json_each(?1) j CROSS JOIN senders s ON s.id = unhex(j.value) WHERE s.state <> 'removed'",
        );
        let rows = self.all(query.bind(json_blobs(sticky.into_iter().map(SenderId::to_bytes)))).await?;
        let there = rows.iter().map(|row| Cells::new("senders", row).id("id"));
        let there = there.collect::<Fallible<HashSet<SenderId>>>()?;
        for message in messages {
            message.sticky = message.sticky.filter(|sender| there.contains(sender));
        }
        Ok(())
    }

    async fn write_messages(
        &mut self,
        workspace: WorkspaceId,
        campaign: CampaignId,
        expires_at: Option<i64>,
        created_at: i64,
        messages: &[PlannedMessage],
    ) -> Fallible<()> {
        let done = WRITE_MESSAGES
            .run(
                self,
                messages,
                |values| {
                    values.add(blob(workspace)).add(blob(campaign)).add(expires_at).add(created_at);
                },
                |values, message| {
                    let (recipient, address) = (&message.recipient, &message.recipient.address);
                    values.add(blob(message.id)).add(recipient.row).add(opt_blob(message.sticky));
                    values.add(if message.sticky.is_some() { "sticky" } else { "free" });
                    values.add(recipient.hash.to_bytes().to_vec());
                    values.add(address.phone.as_ref().map(PhoneNumber::as_e164));
                    values.add(address.business_scoped_id.as_deref()).add(address.linked_id.as_deref());
                    values.add(message.wa_id.as_str()).add(message.content.typed_chars());
                },
            )
            .await?;
        let contents: Vec<&Content> = messages.iter().map(|message| &message.content).collect();
        self.write_contents(workspace, done.last, &contents).await
    }

    /// The rows whose person is suppressed by now.
    async fn find_suppressed_rows(
        &mut self,
        workspace: WorkspaceId,
        campaign: CampaignId,
        after_row: i64,
        through_row: i64,
    ) -> Fallible<BTreeMap<i64, Exclusion>> {
        let query = sqlx::query(
            "SELECT r.row_no, s.since, s.reason FROM recipients r CROSS JOIN suppressions s \
             WHERE r.campaign_id = ?2 AND r.row_no > ?3 AND r.row_no <= ?4 AND s.workspace_id = ?1 AND s.hash = r.hash",
        );
        let query = query.bind(blob(workspace)).bind(blob(campaign)).bind(after_row).bind(through_row);
        let rows = self.all(query).await?;
        let entry = |row| {
            let cells = Cells::new("suppressions", row);
            let why = Exclusion::Suppressed { since: cells.time("since")?, why: cells.word("reason")? };
            Ok((cells.number("row_no")?, why))
        };
        rows.iter().map(entry).collect()
    }
}

fn exclude(recipient: &paceline_store::recipients::RecipientRow, exclusion: Exclusion) -> NewExclusion {
    let phone = recipient.address.phone.as_ref().map(|phone| phone.as_e164().to_owned());
    NewExclusion { row: recipient.row, phone, exclusion }
}
