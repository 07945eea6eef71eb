//! Leases and sealed sessions.

use std::time::Duration;

use paceline_domain::{Epoch, SenderId, SenderState};
use paceline_store::leases::{DeadHolder, Fenced, Lease as Taken, LeaseWish, Renewal, SealedSession};

use super::{Lease, Memory};

impl Memory {
    pub(crate) fn claim_leases(&mut self, wish: &LeaseWish) -> Vec<Taken> {
        let (now, expires_at) = (self.now, self.after(wish.ttl));
        let mut free: Vec<_> = self
            .senders
            .values()
            .filter(|row| row.sender.state == SenderState::Active && !row.is_held(now))
            .filter(|row| wish.pinned.is_none_or(|pinned| pinned == row.sender.id))
            .filter(|row| wish.channels.contains(&row.sender.channel))
            .map(|row| (row.sender.created_at, row.sender.id))
            .collect();
        free.sort_unstable();
        free.truncate(wish.slots as usize);
        let key = self.key.clone();
        let mut taken = Vec::with_capacity(free.len());
        for (_, sender) in free {
            let Some(row) = self.senders.get_mut(&sender) else { continue };
            row.epoch = Epoch(row.epoch.0 + 1);
            row.lease = Some(Lease { worker: wish.worker, expires_at });
            taken.push(Taken { sender: row.view(now), key: key.clone(), epoch: row.epoch });
        }
        taken
    }

    pub(crate) fn renew_leases(&mut self, leases: &[(SenderId, Epoch)], ttl: Duration) -> Vec<(SenderId, Renewal)> {
        let (now, expires_at) = (self.now, self.after(ttl));
        let mut renewals: Vec<_> = leases
            .iter()
            .map(|&(sender, epoch)| {
                let row = self.senders.get_mut(&sender).filter(|row| row.holds(epoch, now));
                let renewal = row.map_or(Renewal::Lost, |row| {
                    if let Some(lease) = &mut row.lease {
                        lease.expires_at = expires_at;
                    }
                    Renewal::Held(Box::new(row.view(now)))
                });
                (sender, renewal)
            })
            .collect();
        renewals.sort_by_key(|(sender, _)| *sender);
        renewals
    }

    pub(crate) fn release_lease(&mut self, sender: SenderId, epoch: Epoch) {
        if let Some(row) = self.senders.get_mut(&sender).filter(|row| row.epoch == epoch) {
            row.lease = None;
        }
    }

    pub(crate) fn end_leases(&mut self, of: DeadHolder) -> u64 {
        let now = self.now;
        let mut ended = 0;
        for row in self.senders.values_mut().filter(|row| row.is_held(now)) {
            let theirs = match of {
                DeadHolder::Everyone => true,
                DeadHolder::Worker(worker) => row.lease.is_some_and(|lease| lease.worker == worker),
            };
            if theirs {
                row.lease = None;
                ended += 1;
            }
        }
        ended
    }

    pub(crate) fn find_session(&self, sender: SenderId) -> Option<SealedSession> {
        self.senders.get(&sender)?.session.clone()
    }

    pub(crate) fn store_session(
        &mut self,
        sender: SenderId,
        epoch: Epoch,
        session: Option<SealedSession>,
    ) -> Fenced<()> {
        let now = self.now;
        match self.senders.get_mut(&sender).filter(|row| row.holds(epoch, now)) {
            None => Fenced::LeaseLost,
            Some(row) => {
                row.session = session;
                Fenced::Done(())
            }
        }
    }
}
