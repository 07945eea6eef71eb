//! Planning: rows become messages or exclusions.
//!
//! A batch locks its campaign's row: two planners of a campaign come one after the other, and so do planning and the campaign's
//! moves. Intents go on meanwhile. Someone who is suppressed after the batch has looked, and before it commits, gets a message
//! that its intent refuses.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use async_trait::async_trait;
use paceline_domain::{AddressHash, WorkspaceId, WorkspaceKey};
use paceline_store::{
    StoreResult,
    campaigns::Campaign,
    plan::{PlanStore, PlannedBatch, PlanningCampaign, UnplannedRow},
    suppressions::Suppression,
};

use crate::{
    bulk::column,
    campaigns::{campaign_columns, read_campaign},
    cells::Cells,
    error::Fallible,
    open::PostgresStore,
    recipients::read_recipient,
    suppressions::{read_suppression, suppression_columns},
    values::{storable, uuid},
};

mod record;

#[async_trait]
impl PlanStore for PostgresStore {
    async fn list_planning(&self, limit: u32) -> StoreResult<Vec<PlanningCampaign>> {
        let query = sqlx::query(concat!(
            "SELECT ",
            campaign_columns!(),
            ", w.key FROM campaigns c JOIN workspaces w ON w.id = c.workspace_id \
             WHERE c.state = 'running' AND c.planned_through < c.rows ORDER BY c.started_at, c.id LIMIT $1"
        ));
        let rows = self.all(query.bind(i64::from(limit))).await?;
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
        // Shared, because a transaction that loses against another is run again.
        let batch = Arc::new(batch);
        self.write(move |tx| Box::pin(async move { tx.record_plan(&batch).await })).await
    }
}

impl PostgresStore {
    async fn read_unplanned(&self, campaign: &Campaign, after_row: i64, limit: u32) -> Fallible<Vec<UnplannedRow>> {
        let query = sqlx::query(
            "WITH pool AS MATERIALIZED (SELECT array_agg(s.id) AS senders \
                FROM pools p JOIN pool_members pm ON pm.pool_id = p.id JOIN senders s ON s.id = pm.sender_id \
                WHERE p.workspace_id = $1 AND p.name = $2 AND s.state = 'active' AND s.session_state <> 'banned') \
             SELECT r.row_no, r.phone, r.business_scoped_id, r.linked_id, r.hash, r.variables, \
                EXISTS (SELECT 1 FROM suppressions s WHERE s.workspace_id = $1 AND s.hash = r.hash) AS suppressed, \
                (SELECT m.sender_id FROM messages m \
                 WHERE m.hash = r.hash AND m.attempts > 0 AND m.workspace_id = $1 AND m.sent_at IS NOT NULL \
                    AND m.sender_id = ANY ((SELECT senders FROM pool)::uuid[]) \
                 ORDER BY m.attempted_at DESC LIMIT 1) AS sticky \
             FROM recipients r WHERE r.campaign_id = $3 AND r.row_no > $4 AND r.row_no <= $5 ORDER BY r.row_no LIMIT $6",
        );
        let query = query
            .bind(uuid(campaign.workspace))
            .bind(storable(&campaign.definition.pool))
            .bind(uuid(campaign.id))
            .bind(after_row)
            .bind(campaign.rows)
            .bind(i64::from(limit));
        let rows = self.all(query).await?;
        let mut suppressed = HashSet::new();
        let mut unplanned = Vec::with_capacity(rows.len());
        for row in &rows {
            let cells = Cells::new("recipients", row);
            let recipient = read_recipient(row)?;
            if cells.flag("suppressed")? {
                suppressed.insert(recipient.hash);
            }
            unplanned.push(UnplannedRow { recipient, suppression: None, sticky: cells.opt_id("sticky")? });
        }
        if !suppressed.is_empty() {
            let hashes: Vec<_> = suppressed.into_iter().collect();
            let mut found = self.find_suppressions(campaign.workspace, &hashes).await?;
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
            " FROM unnest($2::bytea[]) AS p (hash) JOIN suppressions s ON s.workspace_id = $1 AND s.hash = p.hash"
        ));
        let rows = self.all(query.bind(uuid(workspace)).bind(column(hashes, |hash| hash.to_bytes()))).await?;
        rows.iter().map(|row| read_suppression(row).map(|suppression| (suppression.hash, suppression))).collect()
    }
}
