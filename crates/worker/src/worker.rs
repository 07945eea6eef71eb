//! A worker: its supervisor and its reporter, from start to drain.

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{
    context::Context,
    gate::Gate,
    meters::Meters,
    options::{WorkerDeps, WorkerOptions},
    report::reporter::Reporter,
    supervisor::Supervisor,
};

/// How long the last outcomes may take after the actors have ended, each of which has flushed its own.
const LAST_FLUSH_WITHIN: Duration = Duration::from_secs(5);

/// A worker process's data plane.
pub struct Worker {
    deps: WorkerDeps,
    options: WorkerOptions,
}

impl Worker {
    /// A worker that has not started.
    pub const fn new(deps: WorkerDeps, options: WorkerOptions) -> Self {
        Self { deps, options }
    }

    /// Works until `stop` is cancelled, then drains: finishes the sends in hand, gives the rest back, flushes outcomes and
    /// results, closes the sessions and releases the leases. Returns when that is done, or when `drain_within` has passed;
    /// what is left then is as after a crash, and is taken up by the senders' next holders.
    pub async fn run(self, stop: CancellationToken) {
        let meters = Meters::new(&self.deps.metrics);
        let gate = Arc::new(Gate::new(meters.clone()));
        let (store, queue) = (Arc::clone(&self.deps.store), Arc::clone(&self.deps.queue));
        let (reporter, reporting) = Reporter::start(store, queue, Arc::clone(&gate), meters);
        tracing::info!(worker.id = %self.options.worker, worker.slots = self.options.slots, "the worker starts");
        let context = Arc::new(Context::new(self.deps, self.options, gate, reporter.clone()));
        Supervisor::new(Arc::clone(&context)).run(stop).await;
        if timeout(LAST_FLUSH_WITHIN, reporter.flush()).await.is_err() {
            tracing::error!("outcomes are left to be taken up by the next holders of their senders");
        }
        drop(reporting);
        tracing::info!(worker.id = %context.options.worker, "the worker has stopped");
    }
}
