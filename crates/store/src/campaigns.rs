//! Campaigns: definition, moves and account.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{Account, CampaignId, CampaignMove, CampaignState, MoveRefused, SenderId, WorkspaceId};

use crate::{Page, PageRequest, StoreResult};

/// What a person decides about a campaign; may change while it is a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignDefinition {
    /// What a person calls it.
    pub name: String,
    /// The template of the text.
    pub template: String,
    /// The pool whose senders it uses, by name.
    pub pool: String,
    /// The region (ISO 3166 alpha-2) of phone numbers without a country code.
    pub default_region: Option<String>,
    /// The phone column of its CSV files; `phone` unless named.
    pub phone_column: Option<String>,
    /// Not to start before this.
    pub start_at: Option<DateTime<Utc>>,
    /// What is not sent by then is not sent at all.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Campaign {
    /// Its id.
    pub id: CampaignId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// What was decided about it.
    pub definition: CampaignDefinition,
    /// Where it stands.
    pub state: CampaignState,
    /// The variables that its uploads provide, in order of first appearance.
    pub columns: Vec<String>,
    /// All rows of its committed uploads, malformed ones included.
    pub rows: i64,
    /// Rows up to this number have been decided: each is planned or excluded.
    pub planned_through: i64,
    /// Its account.
    pub account: Account,
    /// Excluded rows by reason.
    pub excluded: BTreeMap<String, i64>,
    /// Failed messages by reason.
    pub failed: BTreeMap<String, i64>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it began to send.
    pub started_at: Option<DateTime<Utc>>,
    /// When it was completed or cancelled.
    pub ended_at: Option<DateTime<Utc>>,
}

impl Campaign {
    /// Rows that will never be planned or excluded, because the campaign was cancelled before planning came to them; 0 unless it was. Of a
    /// cancelled campaign, each row is planned, excluded or unplanned.
    pub fn unplanned(&self) -> i64 {
        match self.state {
            CampaignState::Cancelled => self.rows - self.account.planned - self.excluded.values().sum::<i64>(),
            _ => 0,
        }
    }
}

/// A campaign to create, as a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCampaign {
    /// Its id.
    pub id: CampaignId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// What was decided about it.
    pub definition: CampaignDefinition,
    /// Now.
    pub created_at: DateTime<Utc>,
}

/// A change of what was decided about a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinitionChange {
    /// What it was when somebody decided to change it.
    pub from: CampaignDefinition,
    /// What it is to be.
    pub to: CampaignDefinition,
}

/// What became of a change to a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CampaignOutcome {
    /// The campaign as it now is.
    Changed(Box<Campaign>),
    /// No such campaign in the workspace.
    NotFound,
    /// Its state does not allow the move.
    Refused(MoveRefused),
    /// It is not a draft any more, so its definition is fixed.
    NotDraft(CampaignState),
    /// It has no recipients: neither rows that were accepted nor an upload.
    NoRecipients,
    /// Its pool has no active sender.
    NoSenders {
        /// The pool's name.
        pool: String,
    },
    /// An upload is open.
    UploadInProgress,
    /// Its definition is not the one that was to be changed.
    Overtaken,
}

/// How many messages of a campaign one sender carried, by state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SenderShare {
    /// The sender; `None` for messages not bound to one.
    pub sender: Option<SenderId>,
    /// Their account; `planned` is their number.
    pub account: Account,
}

/// An excluded row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExcludedRow {
    /// The row's number, from 1 over all uploads.
    pub row: i64,
    /// The phone as stored, in E.164 where it could be read as one. Absent for malformed rows.
    pub phone: Option<String>,
    /// Why.
    pub exclusion: paceline_domain::Exclusion,
}

/// Campaigns.
#[async_trait]
pub trait CampaignStore: Send + Sync {
    /// Creates a draft. An id that exists already is returned as it is: this very creation was made before.
    async fn create_campaign(&self, campaign: NewCampaign) -> StoreResult<Campaign>;

    /// A campaign by its id.
    async fn find_campaign(&self, workspace: WorkspaceId, campaign: CampaignId) -> StoreResult<Option<Campaign>>;

    /// The campaigns of a workspace, newest first.
    async fn list_campaigns(&self, workspace: WorkspaceId, page: PageRequest) -> StoreResult<Page<Campaign>>;

    /// Changes the definition of a draft, unless it is another by now than the change was made for.
    async fn update_campaign(
        &self,
        workspace: WorkspaceId,
        campaign: CampaignId,
        change: DefinitionChange,
    ) -> StoreResult<CampaignOutcome>;

    /// Makes one move by compare-and-set and records its event. `Start` becomes `Schedule` when `start_at` lies after `now`.
    /// `Cancel` leaves the waiting messages to [`crate::sweep::SweepStore::cancel_messages`]; no intent commits after it.
    async fn move_campaign(
        &self,
        workspace: WorkspaceId,
        campaign: CampaignId,
        attempted: CampaignMove,
        now: DateTime<Utc>,
    ) -> StoreResult<CampaignOutcome>;

    /// The excluded rows of a campaign by row number.
    async fn list_exclusions(
        &self,
        workspace: WorkspaceId,
        campaign: CampaignId,
        page: PageRequest,
    ) -> StoreResult<Page<ExcludedRow>>;

    /// What each sender carried, counted from the message rows themselves.
    async fn list_sender_shares(&self, workspace: WorkspaceId, campaign: CampaignId) -> StoreResult<Vec<SenderShare>>;

    /// The account counted from the message rows themselves, to be compared with the one that is kept.
    async fn count_account(&self, workspace: WorkspaceId, campaign: CampaignId) -> StoreResult<Account>;
}
