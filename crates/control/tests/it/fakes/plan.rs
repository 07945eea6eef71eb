//! Campaigns with rows to decide, in memory, with the compare-and-set that the port promises.

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use async_trait::async_trait;
use paceline_domain::CampaignId;
use paceline_store::{
    StoreError, StoreResult,
    campaigns::Campaign,
    plan::{PlanStore, PlannedBatch, PlanningCampaign, UnplannedRow},
};
use tokio::sync::Notify;

use super::{Failures, lock};
use crate::builders::KEY;

/// Campaigns, their rows, and every batch that was recorded.
#[derive(Default)]
pub(crate) struct FakePlans {
    campaigns: Mutex<BTreeMap<CampaignId, (Campaign, Vec<UnplannedRow>)>>,
    pub(crate) recorded: Mutex<Vec<PlannedBatch>>,
    pub(crate) failures: Failures<StoreError>,
    /// When set, a record waits until somebody has read rows meanwhile.
    pub(crate) record_waits_for_read: Mutex<bool>,
    read: Notify,
}

impl FakePlans {
    pub(crate) fn add(&self, campaign: Campaign, rows: Vec<UnplannedRow>) {
        lock(&self.campaigns).insert(campaign.id, (campaign, rows));
    }

    pub(crate) fn planned_through(&self, campaign: CampaignId) -> i64 {
        lock(&self.campaigns)[&campaign].0.planned_through
    }
}

#[async_trait]
impl PlanStore for FakePlans {
    async fn list_planning(&self, limit: u32) -> StoreResult<Vec<PlanningCampaign>> {
        let campaigns = lock(&self.campaigns);
        let undecided = campaigns.values().filter(|(campaign, _)| campaign.planned_through < campaign.rows);
        let planning = undecided.map(|(campaign, _)| PlanningCampaign { campaign: campaign.clone(), key: KEY });
        Ok(planning.take(usize::try_from(limit).expect("it fits")).collect())
    }

    async fn list_unplanned(&self, campaign: &Campaign, after_row: i64, limit: u32) -> StoreResult<Vec<UnplannedRow>> {
        self.read.notify_waiters();
        tokio::task::yield_now().await;
        let campaigns = lock(&self.campaigns);
        let rows = campaigns[&campaign.id].1.iter().filter(|row| row.recipient.row > after_row);
        Ok(rows.take(usize::try_from(limit).expect("it fits")).cloned().collect())
    }

    async fn record_plan(&self, batch: PlannedBatch) -> StoreResult<()> {
        if *lock(&self.record_waits_for_read) {
            tokio::time::timeout(Duration::from_secs(5), self.read.notified())
                .await
                .expect("the next rows are read while these are recorded");
        }
        self.failures.next()?;
        let mut campaigns = lock(&self.campaigns);
        let (campaign, _) = campaigns.get_mut(&batch.campaign).expect("the campaign exists");
        if campaign.planned_through != batch.after_row {
            return Err(StoreError::Conflict { what: "campaigns.planned_through".to_owned() });
        }
        campaign.planned_through = batch.through_row;
        lock(&self.recorded).push(batch);
        Ok(())
    }
}
