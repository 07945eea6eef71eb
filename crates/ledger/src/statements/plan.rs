//! Planning, outside of transactions.

use async_trait::async_trait;
use paceline_store::{campaigns::Campaign, plan::PlanningCampaign};

use crate::{
    Fallible, columns,
    rows::{PlanReads, UndecidedRow},
    statements::{Reading, Statement, list},
};

/// The texts.
#[derive(Debug)]
pub struct PlanTexts {
    /// What is to be planned: how many.
    pub list: &'static str,
    /// The next recipients of a campaign: workspace, pool, campaign, after which row, through which, how many.
    pub list_undecided: &'static str,
}

#[async_trait]
impl<D: Reading> PlanReads for D {
    async fn list_planning(&self, limit: u32) -> Fallible<Vec<PlanningCampaign>> {
        list(self, Statement::new(D::TEXTS.plan.list).with(limit), columns::planning).await
    }

    async fn list_undecided(&self, campaign: &Campaign, after_row: i64, limit: u32) -> Fallible<Vec<UndecidedRow>> {
        let page = Statement::new(D::TEXTS.plan.list_undecided)
            .with(campaign.workspace)
            .with(campaign.definition.pool.as_str())
            .with(campaign.id)
            .with(after_row)
            .with(campaign.rows)
            .with(limit);
        list(self, page, columns::undecided).await
    }
}
