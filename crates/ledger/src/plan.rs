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
use paceline_domain::AddressHash;
use paceline_store::{
    StoreResult,
    campaigns::Campaign,
    plan::{PlanStore, PlannedBatch, PlanningCampaign, UnplannedRow},
    suppressions::Suppression,
};

use crate::{Database, Ledger};

mod record;

#[async_trait]
impl<D: Database> PlanStore for Ledger<D> {
    async fn list_planning(&self, limit: u32) -> StoreResult<Vec<PlanningCampaign>> {
        Ok(self.database.list_planning(limit).await?)
    }

    async fn list_unplanned(&self, campaign: &Campaign, after_row: i64, limit: u32) -> StoreResult<Vec<UnplannedRow>> {
        let undecided = self.database.list_undecided(campaign, after_row, limit).await?;
        let suppressed = undecided.iter().filter(|row| row.is_suppressed).map(|row| row.recipient.hash);
        let suppressed: HashSet<AddressHash> = suppressed.collect();
        let mut suppressions: HashMap<AddressHash, Suppression> = HashMap::new();
        if !suppressed.is_empty() {
            let people: Vec<AddressHash> = suppressed.into_iter().collect();
            let found = self.database.find_suppressions(campaign.workspace, &people).await?;
            suppressions.extend(found.into_iter().map(|suppression| (suppression.hash, suppression)));
        }
        let unplanned = undecided.into_iter().map(|row| UnplannedRow {
            suppression: suppressions.remove(&row.recipient.hash),
            recipient: row.recipient,
            sticky: row.sticky,
        });
        Ok(unplanned.collect())
    }

    async fn record_plan(&self, batch: PlannedBatch) -> StoreResult<()> {
        // Shared, because a transaction that loses against another is run again.
        let batch = Arc::new(batch);
        self.write(move |tx| Box::pin(async move { record::record_plan(tx, &batch).await })).await
    }
}
