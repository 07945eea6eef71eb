//! The roll: this worker tells the others that it lives, and learns how many senders are its share.
//!
//! Workers agree on nothing: each computes all shares from the same rows by the same function, and the lease decides where two
//! of them look at different moments.

use std::{sync::Arc, time::Duration};

use paceline_domain::{ChannelKind, SenderId, SenderState, WorkerId};
use paceline_store::{
    StoreError, StoreResult,
    fleet::{Which, WorkerReport, fair_share},
};
use tokio::time::{Instant, timeout};

use crate::context::Context;

/// How often the share must come out smaller in a row before senders are given up for it, so that a worker that starts and
/// stops moves none.
const SURPLUS_LOOKS: u32 = 3;

/// This worker's place among the others.
pub(crate) struct Roll {
    context: Arc<Context>,
    reported_at: Option<Instant>,
    share: u32,
    /// How many looks in a row found that fewer senders are this worker's than it holds.
    surplus_looks: u32,
    /// Why the pinned sender could not be had when it was last asked for, so that the log says it once.
    told: Option<Obstacle>,
}

/// Why a pinned sender cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Obstacle {
    Held(WorkerId),
    State(SenderState),
    Gone,
}

impl Roll {
    pub(crate) fn new(context: Arc<Context>) -> Self {
        Self { context, reported_at: None, share: 0, surplus_looks: 0, told: None }
    }

    /// Reports this worker when that is due, and looks at its share again.
    pub(crate) async fn call(&mut self, draining: Draining) -> StoreResult<()> {
        let limit = self.context.options.lease_ttl / 3;
        let called = timeout(limit, self.look(draining)).await;
        called.unwrap_or_else(|_| {
            Err(StoreError::Unavailable { reason: "the roll of workers took too long".to_owned(), source: None })
        })
    }

    async fn look(&mut self, draining: Draining) -> StoreResult<()> {
        let (store, options) = (&self.context.store, &self.context.options);
        let report = self.report(draining);
        if self.reported_at.is_none_or(|at| at.elapsed() >= options.report_every) || draining == Draining::Yes {
            let now = Instant::now();
            store.report_worker(report.clone(), options.report_every * 4).await?;
            self.reported_at = Some(now);
        }
        self.share = if options.pinned.is_some() {
            1
        } else {
            let senders = store.count_shared_senders(&report.channels).await?;
            fair_share(&report, &store.list_workers().await?, senders)
        };
        Ok(())
    }

    /// How many senders may be held.
    pub(crate) const fn share(&self) -> u32 {
        self.share
    }

    /// How many of `held` senders are to be given up, because they have been too many for a while.
    pub(crate) fn surplus(&mut self, held: u32) -> u32 {
        let surplus = held.saturating_sub(self.share);
        self.surplus_looks = if surplus == 0 { 0 } else { self.surplus_looks + 1 };
        if self.surplus_looks > SURPLUS_LOOKS { surplus } else { 0 }
    }

    /// Says, once for each reason, why a pinned sender could not be had.
    pub(crate) async fn explain(&mut self, sender: SenderId) -> StoreResult<()> {
        let senders = self.context.store.list_fleet_senders(Which::Id(sender)).await?;
        let lease = senders.first().and_then(|sender| sender.lease.as_ref());
        let obstacle = match (senders.first(), lease) {
            (None, _) => Obstacle::Gone,
            (Some(_), Some(lease)) => Obstacle::Held(lease.worker),
            (Some(sender), None) if sender.state != SenderState::Active => Obstacle::State(sender.state),
            // It was given up this very moment; the next claim has it.
            (Some(_), None) => return Ok(()),
        };
        if self.told.replace(obstacle) == Some(obstacle) {
            return Ok(());
        }
        match obstacle {
            Obstacle::Gone => tracing::warn!(sender.id = %sender, "there is no such sender any more; waiting"),
            Obstacle::State(state) => {
                tracing::info!(sender.id = %sender, sender.state = %state, "the sender is not active; waiting until it is");
            }
            Obstacle::Held(worker) => {
                let workers = self.context.store.list_workers().await?;
                let holder = workers.iter().find(|view| view.report.id == worker);
                let (host, pid) = holder.map_or(("unknown", 0), |view| (view.report.host.as_str(), view.report.pid));
                tracing::warn!(
                    sender.id = %sender, holder.id = %worker, holder.host = host, holder.pid = pid,
                    "another worker holds the sender; waiting until its lease ends"
                );
            }
        }
        Ok(())
    }

    /// The pinned sender is ours: whatever was in the way is to be told anew.
    pub(crate) const fn forget_obstacle(&mut self) {
        self.told = None;
    }

    /// Takes this worker off the roll.
    pub(crate) async fn leave(&self) {
        let removal = self.context.store.remove_worker(self.context.options.worker);
        match timeout(LEAVE_WITHIN, removal).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(error = %error, "the roll forgets this worker by itself"),
            Err(_) => tracing::debug!("the roll forgets this worker by itself"),
        }
    }

    fn report(&self, draining: Draining) -> WorkerReport {
        let options = &self.context.options;
        let channels: Vec<ChannelKind> = self.context.channels.iter().map(|channel| channel.kind()).collect();
        WorkerReport {
            id: options.worker,
            host: options.host.clone(),
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pinned: options.pinned,
            slots: options.slots,
            channels,
            listen: options.listen.clone(),
            resident_bytes: paceline_telemetry::resident_bytes().unwrap_or(0),
            draining: draining == Draining::Yes,
        }
    }
}

/// How long taking oneself off the roll may take.
const LEAVE_WITHIN: Duration = Duration::from_secs(2);

/// Whether the worker gives its senders back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Draining {
    No,
    Yes,
}
