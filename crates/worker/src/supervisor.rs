//! Looks after the leases, and runs an actor under each.

use std::{collections::HashMap, sync::Arc};

use paceline_domain::SenderId;
use tokio::{
    task::{self, JoinError, JoinSet},
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};
use tokio_util::sync::CancellationToken;

use crate::{
    actor::Actor,
    context::Context,
    lease::{leases::Leases, registration::Draining, watch::Standing},
};

/// The leases of a worker and the actors that work under them.
pub(crate) struct Supervisor {
    context: Arc<Context>,
    leases: Leases,
    actors: JoinSet<()>,
    senders: HashMap<task::Id, SenderId>,
}

impl Supervisor {
    /// One that has not started.
    pub(crate) fn new(context: Arc<Context>) -> Self {
        let leases = Leases::new(Arc::clone(&context));
        Self { context, leases, actors: JoinSet::new(), senders: HashMap::new() }
    }

    /// Claims and renews until `stop`, then waits until every actor has given back what it has, at most for `drain_within`.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut ticks = interval(self.context.options.claim_every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !stop.is_cancelled() {
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                _ = ticks.tick() => self.look_after_leases().await,
                Some(ended) = self.actors.join_next_with_id() => self.actor_ended(ended).await,
            }
        }
        self.leases.register(Draining::Yes).await;
        let give_up_at = Instant::now() + self.context.options.drain_within;
        self.leases.drain();
        while !self.actors.is_empty() {
            tokio::select! {
                biased;
                Some(ended) = self.actors.join_next_with_id() => self.actor_ended(ended).await,
                () = sleep_until(give_up_at) => {
                    tracing::error!(actors.count = self.actors.len(), "the drain takes too long; what is left is abandoned");
                    self.actors.shutdown().await;
                }
                _ = ticks.tick() => self.leases.renew_when_due().await,
            }
        }
        self.leases.end().await;
    }

    async fn look_after_leases(&mut self) {
        self.leases.renew_when_due().await;
        self.leases.register(Draining::No).await;
        self.leases.give_up_surplus();
        for (lease, channel) in self.leases.claim().await {
            let sender = lease.id;
            let task = self.actors.spawn(Actor::new(Arc::clone(&self.context), lease, channel).run());
            self.senders.insert(task.id(), sender);
        }
    }

    /// An actor has ended. One that panicked has its lease released, so that the sender is taken up anew.
    async fn actor_ended(&mut self, ended: Result<(task::Id, ()), JoinError>) {
        let task = match &ended {
            Ok((task, ())) => *task,
            Err(error) => error.id(),
        };
        let Some(sender) = self.senders.remove(&task) else { return };
        let lease = self.leases.remove(sender);
        if let (Err(error), Some(lease)) = (ended, lease)
            && error.is_panic()
        {
            tracing::error!(sender.id = %sender, "the actor panicked; its sender is taken up anew");
            lease.change(Standing::Lost);
            lease.release(self.context.store.as_ref()).await;
        }
    }
}
