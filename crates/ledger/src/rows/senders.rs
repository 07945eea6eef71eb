//! Senders and the pools that group them.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use paceline_domain::{ChannelKind, Epoch, PhoneNumber, PoolId, SenderId, SenderState, SessionState, WorkspaceId};
use paceline_pacing::{PaceState, Seed, Suspension};
use paceline_store::senders::{NewSender, PoolView, Sender};

use crate::{Fallible, locks::Locked};

/// A sender, as far as transactions decide by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SenderRow {
    /// The sender.
    pub id: SenderId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// Whether it is wanted.
    pub state: SenderState,
    /// Its time zone.
    pub zone: Tz,
    /// The seed of its gaps.
    pub seed: Seed,
    /// What it has spent, and when it may send next.
    pub pace: PaceState,
    /// Where its session stands.
    pub session: SessionState,
    /// When that was reported.
    pub session_at: Option<DateTime<Utc>>,
    /// Its suspension, while it is suspended.
    pub suspension: Option<Suspension>,
    /// The epoch of its latest lease.
    pub epoch: Epoch,
    /// Whether that lease holds, by the database's clock.
    pub is_leased: bool,
}

/// For what senders are locked. Two transactions that both refer, or both keep, do not wait for each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// A message is to be bound to it: it is not removed meanwhile.
    There,
    /// Nothing of it changes meanwhile.
    Unchanged,
    /// It is to be changed.
    Mine,
    /// It is to be removed, paused or resumed: nobody refers to it meanwhile.
    MineAlone,
}

/// Who has, or had, a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberHolder {
    /// The sender.
    pub id: SenderId,
    /// Its state.
    pub state: SenderState,
}

/// What a sender's session is from now on.
#[derive(Debug)]
pub struct SessionWrite<'t> {
    /// The sender.
    pub sender: &'t Locked<SenderRow>,
    /// The session's state.
    pub state: SessionState,
    /// When that was reported.
    pub at: DateTime<Utc>,
    /// What the network said.
    pub detail: Option<&'t str>,
    /// The code to pair with.
    pub pairing_code: Option<&'t str>,
    /// Its suspension.
    pub suspension: Option<Suspension>,
}

/// Statements of a transaction.
#[async_trait]
pub trait SenderRows {
    /// Locks a number of a channel: nobody else adds it before this transaction ends.
    async fn lock_number(&mut self, channel: ChannelKind, phone: &PhoneNumber) -> Fallible<()>;

    /// The sender of any workspace that has the number and is not removed, and those of `workspace` that had it.
    async fn list_holders(
        &mut self,
        channel: ChannelKind,
        phone: &PhoneNumber,
        workspace: WorkspaceId,
    ) -> Fallible<Vec<NumberHolder>>;

    /// Locks senders, by id.
    async fn lock_senders(&mut self, senders: &[SenderId], keep: Keep) -> Fallible<Vec<Locked<SenderRow>>>;

    /// A sender as others see it.
    async fn find_sender(&mut self, sender: SenderId) -> Fallible<Option<Sender>>;

    /// Senders as others see them, in any order.
    async fn list_senders(&mut self, senders: &[SenderId]) -> Fallible<Vec<Sender>>;

    /// Writes a sender that is new, or was removed before, under `id`: active, unpaired, not suspended.
    async fn put_sender(&mut self, id: SenderId, sender: &NewSender) -> Fallible<()>;

    /// Makes the sender a member of these pools and no others. A pool that does not exist yet is made under the id beside its name;
    /// names are in order, each once.
    async fn set_pools(&mut self, sender: SenderId, workspace: WorkspaceId, pools: &[(PoolId, &str)]) -> Fallible<()>;

    /// Marks the sender as removed: unpaired, without pairing code or lease, its epoch one higher so that no holder may write, and its
    /// sealed sessions deleted.
    async fn remove_sender(&mut self, sender: &Locked<SenderRow>) -> Fallible<()>;

    /// Writes changes of sessions, of one sender at most one.
    async fn write_sessions(&mut self, changes: &[SessionWrite<'_>]) -> Fallible<()>;

    /// Whether a pool of that name has an active sender.
    async fn has_active_sender(&mut self, workspace: WorkspaceId, pool: &str) -> Fallible<bool>;
}

/// What a person sets of a sender, in a transaction.
#[async_trait]
pub trait SenderSettingRows {
    /// Changes what the sender is called, and its profile; what is `None` stays.
    async fn set_sender_settings(
        &mut self,
        sender: &Locked<SenderRow>,
        name: Option<&str>,
        profile: Option<&str>,
    ) -> Fallible<()>;

    /// Changes whether the sender is wanted.
    async fn set_sender_state(&mut self, sender: &Locked<SenderRow>, state: SenderState) -> Fallible<()>;
}

/// Statements outside of transactions.
#[async_trait]
pub trait SenderReads {
    /// A sender of a workspace.
    async fn find_sender(&self, workspace: WorkspaceId, sender: SenderId) -> Fallible<Option<Sender>>;

    /// The sender of a workspace that has the number and is not removed.
    async fn find_sender_by_phone(&self, workspace: WorkspaceId, phone: &PhoneNumber) -> Fallible<Option<Sender>>;

    /// The senders of a workspace that are not removed, by creation and id, after a key.
    async fn list_senders(
        &self,
        workspace: WorkspaceId,
        after: Option<(DateTime<Utc>, SenderId)>,
        limit: u32,
    ) -> Fallible<Vec<Sender>>;

    /// The pools of a workspace by name, bytewise.
    async fn list_pools(&self, workspace: WorkspaceId) -> Fallible<Vec<PoolView>>;
}
