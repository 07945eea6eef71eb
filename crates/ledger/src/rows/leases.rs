//! Leases and sealed sessions.

use std::time::Duration;

use async_trait::async_trait;
use paceline_domain::{Epoch, SenderId};
use paceline_store::leases::{DeadHolder, Lease, LeaseWish, SealedSession};

use crate::{Fallible, locks::Locked, rows::SenderRow};

/// Statements of a transaction.
#[async_trait]
pub trait LeaseRows {
    /// Gives active senders of the wished channels that nobody holds to the worker, the oldest first, each under the next epoch. Skips what
    /// others hold locked.
    async fn claim_leases(&mut self, wish: &LeaseWish) -> Fallible<Vec<SenderId>>;

    /// Leases as their holder sees them, by the senders' creation and id.
    async fn list_leases(&mut self, senders: &[SenderId]) -> Fallible<Vec<Lease>>;

    /// Lets leases hold for `ttl` from now.
    async fn renew_leases(&mut self, senders: &[&Locked<SenderRow>], ttl: Duration) -> Fallible<()>;

    /// Ends the lease of that epoch.
    async fn release_lease(&mut self, sender: SenderId, epoch: Epoch) -> Fallible<()>;

    /// Ends leases that hold, of one worker or of everyone. Answers how many.
    async fn end_leases(&mut self, of: DeadHolder) -> Fallible<u64>;

    /// Keeps a device's session.
    async fn put_session(
        &mut self,
        sender: &Locked<SenderRow>,
        device: i32,
        epoch: Epoch,
        session: &SealedSession,
    ) -> Fallible<()>;

    /// Removes a device's session.
    async fn remove_session(&mut self, sender: &Locked<SenderRow>, device: i32) -> Fallible<()>;
}

/// Statements outside of transactions.
#[async_trait]
pub trait LeaseReads {
    /// A device's session.
    async fn find_session(&self, sender: SenderId, device: i32) -> Fallible<Option<SealedSession>>;
}
