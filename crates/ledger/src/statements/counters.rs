//! Counters, outside of transactions.

use async_trait::async_trait;
use paceline_domain::{CampaignId, WorkspaceId};

use crate::{
    Fallible, columns,
    rows::CounterReads,
    statements::{Reading, Statement, list},
};

/// The texts.
#[derive(Debug)]
pub struct CounterTexts {
    /// The counts of a campaign by bucket: workspace, campaign.
    pub list: &'static str,
}

#[async_trait]
impl<D: Reading> CounterReads for D {
    async fn list_counts(&self, workspace: WorkspaceId, campaign: CampaignId) -> Fallible<Vec<(String, i64)>> {
        list(self, Statement::new(D::TEXTS.counters.list).with(workspace).with(campaign), columns::count).await
    }
}
