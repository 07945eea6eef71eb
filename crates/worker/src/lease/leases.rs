//! A worker's leases: claimed, renewed all in one call, and given up where they are another worker's share.
//!
//! A lease's deadline is reckoned from the moment before the claim or renewal was asked for, so that this machine never thinks
//! that it holds longer than the store does.

use std::{collections::BTreeMap, sync::Arc};

use paceline_channel::Channel;
use paceline_domain::{ChannelKind, SenderId, SenderState};
use paceline_store::{
    StoreError, StoreResult,
    leases::{Lease, LeaseWish, Renewal},
};
use tokio::time::{Instant, timeout};

use crate::{
    context::Context,
    gate::Closer,
    lease::{
        obstacle::ObstacleLog,
        registration::{Draining, Registration},
        watch::{LeaseWatch, Standing},
    },
    meters::{GIVEN_BACK, LOST, TAKEN},
};

/// The leases of a worker.
pub(crate) struct Leases {
    context: Arc<Context>,
    /// In an order that repeats, so that a replayed run tells them the same in the same order.
    held: BTreeMap<SenderId, LeaseWatch>,
    renewed_at: Instant,
    registration: Registration,
    obstacles: ObstacleLog,
}

impl Leases {
    /// No lease yet.
    pub(crate) fn new(context: Arc<Context>) -> Self {
        context.meters.slots.set(i64::from(context.options.slots));
        Self {
            registration: Registration::new(Arc::clone(&context)),
            obstacles: ObstacleLog::new(Arc::clone(&context)),
            context,
            held: BTreeMap::new(),
            renewed_at: Instant::now(),
        }
    }

    /// Tells the other workers that this one lives, and learns its share of the senders.
    pub(crate) async fn register(&mut self, draining: Draining) {
        let renewed = self.registration.renew(draining).await;
        self.answered(renewed);
    }

    /// Renews all leases in one call when that is due, and tells those who work under them how they stand.
    pub(crate) async fn renew_when_due(&mut self) {
        // While the store is away every tick tries, so that leases live on and the gate opens as soon as it can.
        let due = self.renewed_at.elapsed() >= self.context.options.renew_every || !self.context.gate.is_open();
        let leases: Vec<_> = self
            .held
            .values()
            .filter(|lease| lease.standing() != Standing::Lost)
            .map(|lease| (lease.id, lease.epoch))
            .collect();
        if !due || leases.is_empty() {
            return;
        }
        let (asked_at, ttl) = (Instant::now(), self.context.options.lease_ttl);
        // A renewal that takes longer than this would come too late anyway, and must not keep the next one from being tried.
        let renewals = timeout(ttl / 3, self.context.store.renew_leases(&leases, ttl)).await;
        let Some(renewals) = self.answered(renewals.unwrap_or_else(|_| Err(too_slow()))) else { return };
        self.renewed_at = asked_at;
        for (sender, renewal) in renewals {
            let Some(lease) = self.held.get(&sender) else { continue };
            match renewal {
                Renewal::Held(sender) => {
                    if sender.state != SenderState::Active {
                        lease.change(Standing::Unwanted);
                    }
                    lease.renew(*sender, asked_at + ttl);
                }
                Renewal::Lost => {
                    tracing::warn!(sender.id = %sender, "the lease is lost");
                    lease.change(Standing::Lost);
                }
            }
        }
    }

    /// Several workers share the fleet: what is another's share goes back once the send in hand is finished.
    pub(crate) fn give_up_surplus(&mut self) {
        let mut working: Vec<_> = self.held.values().filter(|lease| lease.standing() == Standing::Held).collect();
        let surplus = self.registration.surplus(u32::try_from(working.len()).unwrap_or(u32::MAX));
        working.sort_by_key(|lease| std::cmp::Reverse(lease.id));
        for lease in working.into_iter().take(surplus as usize) {
            tracing::info!(sender.id = %lease.id, "the sender is another worker's share");
            lease.change(Standing::Unwanted);
        }
    }

    /// Claims senders that nobody holds while there is room for them. What is taken is held until it is removed; the channel is the
    /// one that the sender is reached through.
    pub(crate) async fn claim(&mut self) -> Vec<(LeaseWatch, Arc<dyn Channel>)> {
        let options = &self.context.options;
        let held = u32::try_from(self.held.len()).unwrap_or(u32::MAX);
        let slots = options.slots.min(self.registration.share()).saturating_sub(held);
        if slots == 0 {
            return Vec::new();
        }
        let channels: Vec<ChannelKind> = self.context.channels.iter().map(|channel| channel.kind()).collect();
        let (worker, pinned, ttl) = (options.worker, options.pinned, options.lease_ttl);
        let asked_at = Instant::now();
        let wish = LeaseWish { worker, slots, pinned, channels, ttl };
        let claimed = timeout(ttl / 3, self.context.store.claim_leases(wish)).await;
        let Some(leases) = self.answered(claimed.unwrap_or_else(|_| Err(too_slow()))) else { return Vec::new() };
        match pinned {
            Some(sender) if leases.is_empty() => {
                let explained = self.obstacles.explain(sender).await;
                self.answered(explained);
            }
            _ => self.obstacles.forget(),
        }
        let mut taken = Vec::with_capacity(leases.len());
        for lease in leases {
            taken.extend(self.take(lease, asked_at + ttl).await);
        }
        self.count();
        taken
    }

    async fn take(&mut self, lease: Lease, deadline: Instant) -> Option<(LeaseWatch, Arc<dyn Channel>)> {
        let Lease { sender, key: _, epoch } = lease;
        let channel = self.context.find_channel(sender.channel);
        let lease = LeaseWatch::new(sender, epoch, deadline);
        let Some(channel) = channel.filter(|_| !self.held.contains_key(&lease.id)) else {
            // The actor of an earlier lease has not ended yet: two of them must not meet on one session.
            lease.release(self.context.store.as_ref()).await;
            return None;
        };
        self.context.meters.lease_changes.with_label_values(&[TAKEN]).inc();
        tracing::info!(sender.id = %lease.id, lease.epoch = epoch.0, "a lease is taken");
        self.held.insert(lease.id, lease.clone());
        Some((lease, channel))
    }

    /// The process stops: every sender is to be finished with and given back.
    pub(crate) fn drain(&self) {
        self.held.values().for_each(|lease| lease.change(Standing::Draining));
    }

    /// Nobody works under this lease any more.
    pub(crate) fn remove(&mut self, sender: SenderId) -> Option<LeaseWatch> {
        let lease = self.held.remove(&sender);
        if let Some(lease) = &lease {
            let change = if lease.standing() == Standing::Lost { LOST } else { GIVEN_BACK };
            self.context.meters.lease_changes.with_label_values(&[change]).inc();
        }
        self.count();
        lease
    }

    /// The worker is gone, and whatever it still held runs out by itself.
    pub(crate) async fn end(self) {
        self.context.meters.leases.set(0);
        self.registration.end().await;
    }

    /// What the store answered, and what the answer says about the store.
    fn answered<T>(&self, answer: StoreResult<T>) -> Option<T> {
        match answer {
            Ok(value) => {
                self.context.gate.open(Closer::Leases);
                Some(value)
            }
            Err(error) => {
                let told = !self.context.gate.is_open();
                self.context.gate.close(Closer::Leases, &error);
                if !told && !matches!(error, StoreError::Unavailable { .. }) {
                    tracing::warn!(error = %error, "leases cannot be claimed or renewed");
                }
                None
            }
        }
    }

    fn count(&self) {
        self.context.meters.leases.set(i64::try_from(self.held.len()).unwrap_or(i64::MAX));
    }
}

fn too_slow() -> StoreError {
    StoreError::Unavailable { reason: "a claim or a renewal of leases took too long".to_owned(), source: None }
}
