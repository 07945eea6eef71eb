//! Leases and sealed sessions.

use std::time::Duration;

use async_trait::async_trait;
use paceline_domain::{Epoch, SenderId};
use paceline_store::leases::{DeadHolder, Lease, LeaseWish, SealedSession};

use crate::{
    Fallible, columns,
    locks::Locked,
    rows::{LeaseReads, LeaseRows, SenderRow},
    statements::{Reading, Statement, Value, Writing, find},
};

/// The texts.
#[derive(Debug)]
pub struct LeaseTexts {
    /// Claims leases, and returns the senders: worker, how long, the only sender, channels, how many.
    pub claim: &'static str,
    /// Leases with their senders: senders.
    pub list: &'static str,
    /// Renews leases: senders, how long.
    pub renew: &'static str,
    /// Releases a lease: sender, epoch.
    pub release: &'static str,
    /// Ends leases: the only worker.
    pub end: &'static str,
    /// Writes a session: sender, device, workspace, the session, its key's id, epoch.
    pub put_session: &'static str,
    /// Removes a session: sender, device.
    pub remove_session: &'static str,
    /// A session: sender, device.
    pub find_session: &'static str,
}

#[async_trait]
impl<X: Writing> LeaseRows for X {
    async fn claim_leases(&mut self, wish: &LeaseWish) -> Fallible<Vec<SenderId>> {
        let claim = Statement::new(X::TEXTS.leases.claim)
            .with(wish.worker)
            .with(wish.ttl)
            .with(wish.pinned)
            .with(Value::Channels(&wish.channels))
            .with(wish.slots);
        self.list(X::bound(claim), columns::id("senders")).await
    }

    async fn list_leases(&mut self, senders: &[SenderId]) -> Fallible<Vec<Lease>> {
        if senders.is_empty() {
            return Ok(Vec::new());
        }
        let list = Statement::new(X::TEXTS.leases.list).with(Value::ids(senders.iter().copied()));
        self.list(X::bound(list), columns::lease).await
    }

    async fn renew_leases(&mut self, senders: &[&Locked<SenderRow>], ttl: Duration) -> Fallible<()> {
        if senders.is_empty() {
            return Ok(());
        }
        let renew = Statement::new(X::TEXTS.leases.renew).with(Value::ids(senders.iter().map(|sender| sender.id)));
        self.run(X::bound(renew.with(ttl))).await
    }

    async fn release_lease(&mut self, sender: SenderId, epoch: Epoch) -> Fallible<()> {
        self.run(X::bound(Statement::new(X::TEXTS.leases.release).with(sender).with(epoch.0))).await
    }

    async fn end_leases(&mut self, of: DeadHolder) -> Fallible<u64> {
        let holder = match of {
            DeadHolder::Everyone => None,
            DeadHolder::Worker(worker) => Some(worker),
        };
        self.execute(X::bound(Statement::new(X::TEXTS.leases.end).with(holder))).await
    }

    async fn put_session(
        &mut self,
        sender: &Locked<SenderRow>,
        device: i32,
        epoch: Epoch,
        session: &SealedSession,
    ) -> Fallible<()> {
        let put = Statement::new(X::TEXTS.leases.put_session)
            .with(sender.id)
            .with(device)
            .with(sender.workspace)
            .with(session.blob.as_slice())
            .with(session.key_id.as_str())
            .with(epoch.0);
        self.run(X::bound(put)).await
    }

    async fn remove_session(&mut self, sender: &Locked<SenderRow>, device: i32) -> Fallible<()> {
        self.run(X::bound(Statement::new(X::TEXTS.leases.remove_session).with(sender.id).with(device))).await
    }
}

#[async_trait]
impl<D: Reading> LeaseReads for D {
    async fn find_session(&self, sender: SenderId, device: i32) -> Fallible<Option<SealedSession>> {
        let statement = Statement::new(D::TEXTS.leases.find_session).with(sender).with(device);
        find(self, statement, columns::session).await
    }
}
