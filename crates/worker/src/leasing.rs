//! Claims leases, renews them all in one call, and runs an actor for each.
//!
//! A lease's deadline is reckoned from the moment before the claim or renewal was asked for, so that this machine never thinks
//! that it holds longer than the store does.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use paceline_domain::{ChannelKind, SenderId, SenderState};
use paceline_store::{
    StoreError, StoreResult,
    leases::{Lease, LeaseWish, Renewal},
};
use tokio::{
    task::{self, JoinError, JoinSet},
    time::{Instant, MissedTickBehavior, interval, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    actor::Actor,
    context::Context,
    gate::Closer,
    lease::{LeaseWatch, Standing},
    roll::{Draining, Roll},
};

/// The leases of a worker and the actors that work under them.
pub(crate) struct Leasing {
    context: Arc<Context>,
    /// In an order that repeats, so that a replayed run tells them the same in the same order.
    held: BTreeMap<SenderId, LeaseWatch>,
    actors: JoinSet<()>,
    senders: HashMap<task::Id, SenderId>,
    renewed_at: Instant,
    roll: Roll,
}

impl Leasing {
    pub(crate) fn new(context: Arc<Context>) -> Self {
        Self {
            roll: Roll::new(Arc::clone(&context)),
            context,
            held: BTreeMap::new(),
            actors: JoinSet::new(),
            senders: HashMap::new(),
            renewed_at: Instant::now(),
        }
    }

    /// Claims and renews until `stop`, then waits until every actor has given back what it has, at most for `drain_within`.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut ticks = interval(self.context.options.claim_every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !stop.is_cancelled() {
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                _ = ticks.tick() => {
                    self.renew_when_due().await;
                    self.call_roll(Draining::No).await;
                    self.give_up_surplus();
                    self.claim().await;
                }
                Some(ended) = self.actors.join_next_with_id() => self.bury(ended).await,
            }
        }
        self.call_roll(Draining::Yes).await;
        let give_up_at = Instant::now() + self.context.options.drain_within;
        self.held.values().for_each(|lease| lease.change(Standing::Draining));
        while !self.actors.is_empty() {
            tokio::select! {
                biased;
                Some(ended) = self.actors.join_next_with_id() => self.bury(ended).await,
                () = sleep_until(give_up_at) => {
                    tracing::error!(actors.count = self.actors.len(), "the drain takes too long; what is left is abandoned");
                    self.actors.shutdown().await;
                }
                _ = ticks.tick() => self.renew_when_due().await,
            }
        }
        self.context.meters.leases.set(0);
        self.roll.leave().await;
    }

    async fn call_roll(&mut self, draining: Draining) {
        let called = self.roll.call(draining).await;
        self.answered(called);
    }

    /// Several workers share the fleet: what is another's share goes back once the send in hand is finished.
    fn give_up_surplus(&mut self) {
        let mut working: Vec<_> = self.held.values().filter(|lease| lease.standing() == Standing::Held).collect();
        let surplus = self.roll.surplus(u32::try_from(working.len()).unwrap_or(u32::MAX));
        working.sort_by_key(|lease| std::cmp::Reverse(lease.id));
        for lease in working.into_iter().take(surplus as usize) {
            tracing::info!(sender.id = %lease.id, "the sender is another worker's share");
            lease.change(Standing::Unwanted);
        }
    }

    async fn renew_when_due(&mut self) {
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

    async fn claim(&mut self) {
        let options = &self.context.options;
        let held = u32::try_from(self.held.len()).unwrap_or(u32::MAX);
        let slots = options.slots.min(self.roll.share()).saturating_sub(held);
        if slots == 0 {
            return;
        }
        let channels: Vec<ChannelKind> = self.context.channels.iter().map(|channel| channel.kind()).collect();
        let (worker, pinned, ttl) = (options.worker, options.pinned, options.lease_ttl);
        let asked_at = Instant::now();
        let wish = LeaseWish { worker, slots, pinned, channels, ttl };
        let claimed = timeout(ttl / 3, self.context.store.claim_leases(wish)).await;
        let Some(leases) = self.answered(claimed.unwrap_or_else(|_| Err(too_slow()))) else { return };
        match pinned {
            Some(sender) if leases.is_empty() => {
                let explained = self.roll.explain(sender).await;
                self.answered(explained);
            }
            _ => self.roll.forget_obstacle(),
        }
        for lease in leases {
            self.start(lease, asked_at + ttl).await;
        }
        self.count();
    }

    async fn start(&mut self, lease: Lease, deadline: Instant) {
        let Lease { sender, key: _, epoch } = lease;
        let (id, channel) = (sender.id, self.context.find_channel(sender.channel));
        let Some(channel) = channel.filter(|_| !self.held.contains_key(&id)) else {
            // The actor of an earlier lease has not ended yet: two of them must not meet on one session.
            if let Err(error) = self.context.store.release_lease(id, epoch).await {
                tracing::warn!(sender.id = %id, error = %error, "a lease that is not wanted cannot be released");
            }
            return;
        };
        tracing::info!(sender.id = %id, lease.epoch = epoch.0, "a lease is taken");
        let lease = LeaseWatch::new(sender, epoch, deadline);
        self.held.insert(id, lease.clone());
        let actor = Actor::new(Arc::clone(&self.context), lease, channel);
        let task = self.actors.spawn(actor.run());
        self.senders.insert(task.id(), id);
    }

    /// An actor has ended. One that panicked has its lease released, so that the sender is taken up anew.
    async fn bury(&mut self, ended: Result<(task::Id, ()), JoinError>) {
        let task = match &ended {
            Ok((task, ())) => *task,
            Err(error) => error.id(),
        };
        let Some(sender) = self.senders.remove(&task) else { return };
        let lease = self.held.remove(&sender);
        self.count();
        if let (Err(error), Some(lease)) = (ended, lease)
            && error.is_panic()
        {
            tracing::error!(sender.id = %sender, "the actor panicked; its sender is taken up anew");
            lease.change(Standing::Lost);
            if let Err(error) = self.context.store.release_lease(sender, lease.epoch).await {
                tracing::warn!(sender.id = %sender, error = %error, "the lease runs out by itself, as it cannot be released");
            }
        }
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
