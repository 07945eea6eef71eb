//! The planner's role: every accepted row becomes a message, or an exclusion.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{CampaignId, Content, Exclusion, MessageId, SenderId, WaId, WorkspaceKey};

use crate::{StoreResult, campaigns::Campaign, recipients::RecipientRow, suppressions::Suppression};

/// A running campaign with rows to decide.
#[derive(Debug, Clone)]
pub struct PlanningCampaign {
    /// The campaign.
    pub campaign: Campaign,
    /// The workspace's secret.
    pub key: WorkspaceKey,
}

/// A row to decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnplannedRow {
    /// The row.
    pub recipient: RecipientRow,
    /// The suppression of its person, if any.
    pub suppression: Option<Suppression>,
    /// The active sender, within the campaign's pool, that last wrote to this person.
    pub sticky: Option<SenderId>,
}

/// A row that becomes a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedMessage {
    /// The message's id.
    pub id: MessageId,
    /// The message's WhatsApp id.
    pub wa_id: WaId,
    /// The row it comes from.
    pub recipient: RecipientRow,
    /// The rendered content.
    pub content: Content,
    /// The sender that it is bound to because it wrote to this person before.
    pub sticky: Option<SenderId>,
}

/// The decisions about a run of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedBatch {
    /// The campaign.
    pub campaign: CampaignId,
    /// `planned_through` as the planner read it; the batch is refused when it has moved.
    pub after_row: i64,
    /// The last row that this batch decides.
    pub through_row: i64,
    /// The rows that become messages, by row.
    pub messages: Vec<PlannedMessage>,
    /// The rows that do not, by row.
    pub exclusions: Vec<(RecipientRow, Exclusion)>,
    /// Now.
    pub now: DateTime<Utc>,
}

/// Planning.
#[async_trait]
pub trait PlanStore: Send + Sync {
    /// Running campaigns that have undecided rows, oldest start first.
    async fn list_planning(&self, limit: u32) -> StoreResult<Vec<PlanningCampaign>>;

    /// The next undecided rows of a campaign, in order. When fewer than `limit` come back, nothing remains after them.
    async fn list_unplanned(&self, campaign: &Campaign, after_row: i64, limit: u32) -> StoreResult<Vec<UnplannedRow>>;

    /// Records the decisions: messages, exclusions, counters and `planned_through`, by compare-and-set on the latter, so
    /// that two planners cannot decide a row twice. Suppressions are checked again in the transaction: a person who was
    /// suppressed since becomes an exclusion.
    ///
    /// # Errors
    /// `Conflict` when another planner got there first or the campaign no longer runs.
    async fn record_plan(&self, batch: PlannedBatch) -> StoreResult<()>;
}
