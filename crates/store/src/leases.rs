//! Leases: which process works for a sender, fenced by an epoch that grows with each holder.

use std::time::Duration;

use async_trait::async_trait;
use paceline_domain::{ChannelKind, Epoch, SenderId, WorkerId, WorkspaceKey};

use crate::{StoreResult, senders::Sender};

/// A wish for leases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseWish {
    /// The process.
    pub worker: WorkerId,
    /// The most leases wanted by this call.
    pub slots: u32,
    /// This sender and no other, when named.
    pub pinned: Option<SenderId>,
    /// The channels that the process has.
    pub channels: Vec<ChannelKind>,
    /// How long a lease holds unless renewed, in real time.
    pub ttl: Duration,
}

/// A lease that was taken.
#[derive(Debug, Clone)]
pub struct Lease {
    /// The sender as it is.
    pub sender: Sender,
    /// The workspace's secret.
    pub key: WorkspaceKey,
    /// The fencing token.
    pub epoch: Epoch,
}

/// What became of a renewal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Renewal {
    /// Held for another ttl; the sender as it is now, so that a pause or a change of profile is noticed.
    Held(Box<Sender>),
    /// Someone else has it, or it ran out.
    Lost,
}

/// Credentials of a session, sealed by the worker. A blob is bound to the sender, device, key and epoch that wrote it.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedSession {
    /// AEAD ciphertext with its nonce.
    pub blob: Vec<u8>,
    /// Which key sealed it.
    pub key_id: String,
}

impl std::fmt::Debug for SealedSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealedSession").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// A write that only the holder of the current epoch may make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fenced<T> {
    /// Done.
    Done(T),
    /// The lease is not the caller's any more; nothing was changed.
    LeaseLost,
}

/// Whose leases end because the process is known to be dead. A closed connection proves nothing; a reaped child does, and
/// so does the exclusive lock on an embedded installation's data folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadHolder {
    /// Every process but the caller's own: an embedded installation that has just been locked.
    Everyone,
    /// One process.
    Worker(WorkerId),
}

/// Leases and sessions.
#[async_trait]
pub trait LeaseStore: Send + Sync {
    /// Takes leases of active senders that nobody holds, each with a new epoch.
    async fn claim_leases(&self, wish: LeaseWish) -> StoreResult<Vec<Lease>>;

    /// Renews leases. A lease that ran out is lost even when nobody else took it. The answer has one entry for each asked.
    async fn renew_leases(&self, leases: &[(SenderId, Epoch)], ttl: Duration) -> StoreResult<Vec<(SenderId, Renewal)>>;

    /// Gives a lease back; does nothing when it is not the caller's any more.
    async fn release_lease(&self, sender: SenderId, epoch: Epoch) -> StoreResult<()>;

    /// Ends the leases of processes that are known to be dead, so that their senders can be taken over at once. Answers
    /// how many.
    async fn end_leases(&self, of: DeadHolder) -> StoreResult<u64>;

    /// The sealed session of a sender's device; device 0 is the first.
    async fn find_session(&self, sender: SenderId, device: i32) -> StoreResult<Option<SealedSession>>;

    /// Stores, or with `None` deletes, the session of a sender's device, under the current epoch.
    async fn store_session(
        &self,
        sender: SenderId,
        device: i32,
        epoch: Epoch,
        session: Option<SealedSession>,
    ) -> StoreResult<Fenced<()>>;
}
