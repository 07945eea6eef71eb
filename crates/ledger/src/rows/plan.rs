//! Planning.

use std::collections::HashMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{SenderId, SuppressionReason};
use paceline_store::{
    campaigns::Campaign,
    plan::{PlannedMessage, PlanningCampaign},
    recipients::RecipientRow,
};

use crate::{Fallible, locks::Locked, rows::CampaignRow};

/// A row that nobody has decided yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndecidedRow {
    /// The row.
    pub recipient: RecipientRow,
    /// Whether its person is suppressed.
    pub is_suppressed: bool,
    /// The active sender of the campaign's pool, not banned, that last wrote to this person.
    pub sticky: Option<SenderId>,
}

/// A planned message to write: it waits, in the lane of campaigns.
#[derive(Debug, Clone, Copy)]
pub struct PlannedWrite<'t> {
    /// The message.
    pub message: &'t PlannedMessage,
    /// The sender that it sticks to.
    pub sticky: Option<SenderId>,
}

/// Statements of a transaction.
#[async_trait]
pub trait PlanRows {
    /// The recipients of a campaign in a run of rows whose person is suppressed by now, by row: since when and why.
    async fn find_suppressed_rows(
        &mut self,
        campaign: &Locked<CampaignRow>,
        after_row: i64,
        through_row: i64,
    ) -> Fallible<HashMap<i64, (DateTime<Utc>, SuppressionReason)>>;

    /// Writes planned messages of a campaign, in order, with their contents.
    async fn add_planned(
        &mut self,
        campaign: &Locked<CampaignRow>,
        now: DateTime<Utc>,
        messages: &[PlannedWrite<'_>],
    ) -> Fallible<()>;
}

/// Statements outside of transactions.
#[async_trait]
pub trait PlanReads {
    /// Running campaigns that have undecided rows, oldest start first.
    async fn list_planning(&self, limit: u32) -> Fallible<Vec<PlanningCampaign>>;

    /// Undecided recipients of a campaign that are committed, by row, after a row.
    async fn list_undecided(&self, campaign: &Campaign, after_row: i64, limit: u32) -> Fallible<Vec<UndecidedRow>>;
}
