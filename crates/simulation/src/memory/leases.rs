//! Leases and sealed sessions.

use std::time::Duration;

use async_trait::async_trait;
use paceline_domain::{Epoch, SenderId, SenderState};
use paceline_ledger::{
    Fallible, Fault,
    locks::{Line, Locked},
    rows::{LeaseReads, LeaseRows, SenderRow},
};
use paceline_store::leases::{DeadHolder, Lease, LeaseWish, SealedSession};

use super::{Memory, Tables, senders::HeldBy};

#[async_trait]
impl LeaseRows for Tables {
    async fn claim_leases(&mut self, wish: &LeaseWish) -> Fallible<Vec<SenderId>> {
        let (now, expires_at) = (self.now, self.after(wish.ttl));
        let free = self.list_senders_by_age(|entry| {
            let sender = &entry.sender;
            sender.state == SenderState::Active
                && entry.holder(now).is_none()
                && wish.pinned.is_none_or(|pinned| pinned == sender.id)
                && wish.channels.contains(&sender.channel)
        });
        let free: Vec<SenderId> = free.into_iter().take(wish.slots as usize).map(|entry| entry.sender.id).collect();
        for sender in &free {
            if let Some(entry) = self.senders.edit(sender) {
                entry.epoch = Epoch(entry.epoch.0 + 1);
                entry.lease = Some(HeldBy { worker: wish.worker, expires_at });
            }
        }
        Ok(free)
    }

    async fn list_leases(&mut self, senders: &[SenderId]) -> Fallible<Vec<Lease>> {
        let lease = |entry: &super::SenderEntry| {
            let workspace = entry.sender.workspace;
            let workspace = self.workspaces.get(&workspace).ok_or_else(|| Fault::missing("workspaces", workspace))?;
            Ok(Lease { sender: self.view_sender(entry), key: workspace.key.clone(), epoch: entry.epoch })
        };
        let wanted = self.list_senders_by_age(|entry| senders.contains(&entry.sender.id));
        wanted.into_iter().map(lease).collect()
    }

    async fn renew_leases(&mut self, senders: &[&Locked<SenderRow>], ttl: Duration) -> Fallible<()> {
        let until = self.after(ttl);
        for sender in senders {
            if let Some(lease) = self.senders.edit(&sender.id).and_then(|entry| entry.lease.as_mut()) {
                lease.expires_at = until;
            }
        }
        Ok(())
    }

    async fn release_lease(&mut self, sender: SenderId, epoch: Epoch) -> Fallible<()> {
        self.wait_for(Line::Senders);
        if let Some(entry) = self.senders.edit(&sender).filter(|entry| entry.epoch == epoch) {
            entry.lease = None;
        }
        Ok(())
    }

    async fn end_leases(&mut self, of: DeadHolder) -> Fallible<u64> {
        self.wait_for(Line::Senders);
        let is_dead = |holder: HeldBy| match of {
            DeadHolder::Everyone => true,
            DeadHolder::Worker(worker) => holder.worker == worker,
        };
        let held = self.list_senders_by_age(|entry| entry.holder(self.now).is_some_and(is_dead));
        let held: Vec<SenderId> = held.into_iter().map(|entry| entry.sender.id).collect();
        for sender in &held {
            if let Some(entry) = self.senders.edit(sender) {
                entry.lease = None;
            }
        }
        Ok(u64::try_from(held.len()).unwrap_or(u64::MAX))
    }

    async fn put_session(
        &mut self,
        sender: &Locked<SenderRow>,
        device: i32,
        _epoch: Epoch,
        session: &SealedSession,
    ) -> Fallible<()> {
        self.sessions.put((sender.id, device), session.clone());
        Ok(())
    }

    async fn remove_session(&mut self, sender: &Locked<SenderRow>, device: i32) -> Fallible<()> {
        self.sessions.remove(&(sender.id, device));
        Ok(())
    }
}

#[async_trait]
impl LeaseReads for Memory {
    async fn find_session(&self, sender: SenderId, device: i32) -> Fallible<Option<SealedSession>> {
        Ok(self.read().await?.sessions.get(&(sender, device)).cloned())
    }
}
