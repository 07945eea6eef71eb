//! Campaigns.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{CampaignId, CampaignState, MessageState, SenderId, WorkspaceId};
use paceline_store::campaigns::{Campaign, CampaignDefinition, ExcludedRow, NewCampaign};

use crate::{Fallible, locks::Locked};

/// A campaign's own columns, as far as transactions decide by them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignRow {
    /// The campaign.
    pub id: CampaignId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// Its name.
    pub name: String,
    /// Its pool.
    pub pool: String,
    /// Its state.
    pub state: CampaignState,
    /// The columns of its recipients.
    pub columns: Vec<String>,
    /// Rows that are committed.
    pub rows: i64,
    /// Those of them that are recipients.
    pub accepted: i64,
    /// The last row that is decided.
    pub planned_through: i64,
    /// When it is to start.
    pub start_at: Option<DateTime<Utc>>,
    /// When its messages expire.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it first started.
    pub started_at: Option<DateTime<Utc>>,
}

/// When a campaign started and ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CampaignTimes {
    /// When it first started.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended, if it has.
    pub ended_at: Option<DateTime<Utc>>,
}

/// Whether anything of a cancelled campaign is left that could wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swept {
    /// Nothing waits or is being sent.
    Yes,
    /// Something may.
    No,
}

/// How many of a campaign's messages are in one state at one sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShareRow {
    /// The sender; `None`: bound to nobody.
    pub sender: Option<SenderId>,
    /// The state.
    pub state: MessageState,
    /// How many.
    pub messages: i64,
    /// How many of them were answered.
    pub replied: i64,
    /// How many of them were answered by an opt-out.
    pub opted_out: i64,
}

/// Statements of a transaction.
#[async_trait]
pub trait CampaignRows {
    /// Adds a draft, unless one has its id.
    async fn add_campaign(&mut self, campaign: &NewCampaign) -> Fallible<()>;

    /// A campaign with its account, as the counters have it now.
    async fn find_campaign(&mut self, campaign: CampaignId) -> Fallible<Option<Campaign>>;

    /// Locks campaigns, by id.
    async fn lock_campaigns(&mut self, campaigns: &[CampaignId]) -> Fallible<Vec<Locked<CampaignRow>>>;

    /// Locks scheduled campaigns whose time has come, the earliest first. Skips what others hold.
    async fn lock_scheduled(&mut self, now: DateTime<Utc>, limit: u32) -> Fallible<Vec<Locked<CampaignRow>>>;

    /// Locks running campaigns whose rows are all decided and of which nothing is open by their counters, the oldest start first. Skips
    /// what others hold. Whether that is still so is for a later statement to say: [`CampaignRows::count_open`].
    async fn lock_finished(&mut self, limit: u32) -> Fallible<Vec<Locked<CampaignRow>>>;

    /// How many messages of a locked campaign wait or are being sent, by its counters.
    async fn count_open(&mut self, campaign: &Locked<CampaignRow>) -> Fallible<i64>;

    /// Locks cancelled campaigns that are not noted as swept, by id. Skips what others hold.
    async fn lock_unswept(&mut self, limit: u32) -> Fallible<Vec<Locked<CampaignRow>>>;

    /// Notes whether nothing of a cancelled campaign is left that could wait.
    async fn set_swept(&mut self, campaign: &Locked<CampaignRow>, swept: Swept) -> Fallible<()>;

    /// Changes what a campaign is to be.
    async fn set_definition(&mut self, campaign: &Locked<CampaignRow>, definition: &CampaignDefinition)
    -> Fallible<()>;

    /// Changes a campaign's state and times.
    async fn set_campaign_state(
        &mut self,
        campaign: &Locked<CampaignRow>,
        state: CampaignState,
        times: CampaignTimes,
    ) -> Fallible<()>;

    /// Notes which row was decided last.
    async fn set_planned_through(&mut self, campaign: &Locked<CampaignRow>, row: i64) -> Fallible<()>;

    /// Notes what the campaign's uploads add up to.
    async fn set_rows(
        &mut self,
        campaign: &Locked<CampaignRow>,
        rows: i64,
        accepted: i64,
        columns: &[String],
    ) -> Fallible<()>;
}

/// Statements outside of transactions.
#[async_trait]
pub trait CampaignReads {
    /// A campaign of a workspace.
    async fn find_campaign(&self, workspace: WorkspaceId, campaign: CampaignId) -> Fallible<Option<Campaign>>;

    /// The campaigns of a workspace, newest first by creation and id, before a key.
    async fn list_campaigns(
        &self,
        workspace: WorkspaceId,
        before: Option<(DateTime<Utc>, CampaignId)>,
        limit: u32,
    ) -> Fallible<Vec<Campaign>>;

    /// Excluded rows of a campaign that are committed, by number, after a row.
    async fn list_exclusions(
        &self,
        workspace: WorkspaceId,
        campaign: CampaignId,
        after_row: i64,
        limit: u32,
    ) -> Fallible<Vec<ExcludedRow>>;

    /// Counts a campaign's messages themselves, by sender (those of nobody first or last, together) and state.
    async fn count_messages(&self, workspace: WorkspaceId, campaign: CampaignId) -> Fallible<Vec<ShareRow>>;
}
