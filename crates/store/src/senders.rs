//! Senders and the pools that group them.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use paceline_domain::{ChannelKind, Epoch, PhoneNumber, SenderId, SenderState, SessionState, WorkerId, WorkspaceId};
use paceline_pacing::{PaceState, Seed, Suspension};

use crate::{Page, PageRequest, StoreResult};

/// A sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// Its id.
    pub id: SenderId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// The number it sends from; unique per channel over the installation.
    pub phone: PhoneNumber,
    /// How it reaches WhatsApp.
    pub channel: ChannelKind,
    /// What a person calls it.
    pub name: String,
    /// The portfolio it belongs to, on the Cloud API.
    pub account: Option<String>,
    /// The names of its pools, in order.
    pub pools: Vec<String>,
    /// The name of its pacing profile.
    pub profile: String,
    /// Where its day begins and ends.
    pub zone: Tz,
    /// The seed of its draws.
    pub seed: Seed,
    /// Whether it is wanted.
    pub state: SenderState,
    /// Its pace after the last intent.
    pub pace: PaceState,
    /// Where its session stands, as last reported.
    pub session: SessionState,
    /// When the session got there, in campaign time.
    pub session_at: Option<DateTime<Utc>>,
    /// What the network said about it.
    pub session_detail: Option<String>,
    /// The pairing code to show, while pairing.
    pub pairing_code: Option<String>,
    /// Whether WhatsApp bars it.
    pub suspension: Option<Suspension>,
    /// Who leases it.
    pub lease: Option<LeaseView>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// When it last sent.
    pub last_sent_at: Option<DateTime<Utc>>,
}

/// A lease that has not run out, as others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseView {
    /// The process that holds it.
    pub worker: WorkerId,
    /// Its fencing token.
    pub epoch: Epoch,
    /// When it runs out, in real time.
    pub expires_at: DateTime<Utc>,
}

/// A sender to add. It starts active and unpaired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSender {
    /// Its id.
    pub id: SenderId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// The number.
    pub phone: PhoneNumber,
    /// How it reaches WhatsApp.
    pub channel: ChannelKind,
    /// What a person calls it.
    pub name: String,
    /// The portfolio it belongs to, on the Cloud API.
    pub account: Option<String>,
    /// The names of its pools; those that do not exist are made.
    pub pools: Vec<String>,
    /// The name of its pacing profile.
    pub profile: String,
    /// Where its day begins and ends.
    pub zone: Tz,
    /// The seed of its draws.
    pub seed: Seed,
    /// Now.
    pub created_at: DateTime<Utc>,
}

/// What became of an addition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SenderAddition {
    /// Added. Also when a removed sender of the workspace with this number came back: the old id, active again, unpaired,
    /// with the new settings.
    Added(Box<Sender>),
    /// The id exists: this very addition was made before.
    Existing(Box<Sender>),
    /// Some workspace already has the number on this channel.
    Taken,
}

/// What is to be changed of a sender; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SenderChange {
    /// What a person calls it.
    pub name: Option<String>,
    /// The names of all its pools; those that do not exist are made.
    pub pools: Option<Vec<String>>,
    /// The name of its pacing profile.
    pub profile: Option<String>,
}

/// What became of a sender's move, or of a change of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SenderMoveOutcome {
    /// The sender as it now is. Moving to the state it is in changes nothing.
    Moved(Box<Sender>),
    /// No such sender in the workspace.
    NotFound,
    /// A removed sender cannot be paused, resumed or changed.
    Removed,
}

/// A pool and how many senders it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolView {
    /// Its name.
    pub name: String,
    /// Its active senders.
    pub active_senders: i64,
}

/// Senders and pools.
#[async_trait]
pub trait SenderStore: Send + Sync {
    /// Adds a sender to its pools.
    async fn add_sender(&self, sender: NewSender) -> StoreResult<SenderAddition>;

    /// A sender by its id, removed ones included.
    async fn find_sender(&self, workspace: WorkspaceId, sender: SenderId) -> StoreResult<Option<Sender>>;

    /// A sender by its number, removed ones left out.
    async fn find_sender_by_phone(&self, workspace: WorkspaceId, phone: &PhoneNumber) -> StoreResult<Option<Sender>>;

    /// The senders of a workspace by time of addition, removed ones left out.
    async fn list_senders(&self, workspace: WorkspaceId, page: PageRequest) -> StoreResult<Page<Sender>>;

    /// Changes what a person decides about a sender; its session and its lease go on. Messages that wait for it, and that its pools have
    /// nothing to do with any more, are anyone's of theirs, unless the caller asked for this very sender.
    async fn update_sender(
        &self,
        workspace: WorkspaceId,
        sender: SenderId,
        change: SenderChange,
        now: DateTime<Utc>,
    ) -> StoreResult<SenderMoveOutcome>;

    /// Pauses, resumes or removes. Removal unbinds the waiting messages that were bound to the sender, sticky ones too,
    /// so that others may send them, and deletes its sessions.
    async fn move_sender(
        &self,
        workspace: WorkspaceId,
        sender: SenderId,
        to: SenderState,
        now: DateTime<Utc>,
    ) -> StoreResult<SenderMoveOutcome>;

    /// The pools of a workspace by name.
    async fn list_pools(&self, workspace: WorkspaceId) -> StoreResult<Vec<PoolView>>;
}
