//! All roles together, wired from one store and one queue.

use std::{sync::Arc, time::Duration};

use paceline_domain::{Clock, Minter};
use paceline_pacing::Profiles;
use paceline_queue::{JobQueue, Queue, RESULT_SHARDS, ResultQueue};
use paceline_store::Store;
use paceline_telemetry::Metrics;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    Applier, ControlOptions, DeadLetterRecorder, DeadLetters, Duty, Figures, FleetFigures, Meters, Outages, Planner,
    Releaser, ReleaserDeps, ResultsRole, Role, Sequencer, Sweeper, run_role,
};

/// The pause before a role that broke off by a defect is begun again.
const DEFECT_PAUSE: Duration = Duration::from_secs(1);

/// What the control plane works with.
pub struct ControlDeps {
    /// The database.
    pub store: Arc<dyn Store>,
    /// The broker.
    pub queue: Arc<dyn Queue>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Makes ids.
    pub minter: Arc<Minter>,
    /// The pacing profiles by name.
    pub profiles: Arc<Profiles>,
    /// Where metrics are registered.
    pub metrics: Arc<Metrics>,
}

/// The control plane of one process.
pub struct Control {
    deps: Arc<ControlDeps>,
    options: Arc<ControlOptions>,
    meters: Arc<Meters>,
    outages: Arc<Outages>,
    /// One for all, so that a result that is refused is compared with what any shard applies.
    applier: Arc<Applier>,
    recorder: Arc<DeadLetterRecorder>,
}

impl Control {
    /// A control plane that does nothing until it is run.
    pub fn new(deps: ControlDeps, options: ControlOptions) -> Self {
        let meters = Arc::new(Meters::new(&deps.metrics));
        let outages = Arc::new(Outages::new(&meters));
        let (store, clock) = (deps.store.clone(), Arc::clone(&deps.clock));
        let applier = Arc::new(Applier::new(store, Arc::clone(&clock), Arc::clone(&meters)));
        let recorder = Arc::new(DeadLetterRecorder::new(deps.store.clone(), clock, Arc::clone(&meters)));
        Self { deps: Arc::new(deps), options: Arc::new(options), meters, outages, applier, recorder }
    }

    /// Runs every role until `stop` is cancelled and each has finished the step in hand.
    pub async fn run(&self, stop: CancellationToken) {
        let mut roles = JoinSet::new();
        self.spawn_movers(&mut roles, &stop);
        for shard in 0..RESULT_SHARDS {
            let (queue, applier) = (Arc::clone(&self.deps.queue), Arc::clone(&self.applier));
            let (recorder, options) = (Arc::clone(&self.recorder), self.options.results.clone());
            self.spawn(&mut roles, &stop, move || {
                let queue: Arc<dyn ResultQueue> = queue.clone();
                ResultsRole::new(shard, queue, Arc::clone(&applier), Arc::clone(&recorder), options.clone())
            });
        }
        let (queue, recorder) = (Arc::clone(&self.deps.queue), Arc::clone(&self.recorder));
        self.spawn(&mut roles, &stop, move || DeadLetters::new(queue.clone(), Arc::clone(&recorder)));
        for duty in Duty::ALL {
            let (deps, applier, options) =
                (Arc::clone(&self.deps), Arc::clone(&self.applier), self.options.sweep.clone());
            self.spawn(&mut roles, &stop, move || {
                Sweeper::new(duty, deps.store.clone(), Arc::clone(&deps.clock), Arc::clone(&applier))
                    .with_options(options.clone())
            });
        }
        while roles.join_next().await.is_some() {}
    }

    fn spawn_movers(&self, roles: &mut JoinSet<()>, stop: &CancellationToken) {
        let (deps, meters, options) = (Arc::clone(&self.deps), Arc::clone(&self.meters), self.options.plan.clone());
        self.spawn(roles, stop, move || {
            let (clock, minter) = (Arc::clone(&deps.clock), Arc::clone(&deps.minter));
            Planner::new(deps.store.clone(), clock, minter, Arc::clone(&meters)).with_options(options.clone())
        });
        let (deps, meters, options) = (Arc::clone(&self.deps), Arc::clone(&self.meters), self.options.release.clone());
        self.spawn(roles, stop, move || {
            let queue: Arc<dyn JobQueue> = deps.queue.clone();
            let (clock, profiles) = (Arc::clone(&deps.clock), Arc::clone(&deps.profiles));
            let deps = ReleaserDeps { store: deps.store.clone(), queue, clock, profiles, meters: Arc::clone(&meters) };
            Releaser::new(deps, options.clone())
        });
        let store = Arc::clone(&self.deps.store);
        self.spawn(roles, stop, move || Sequencer::new(store.clone()));
        let (store, meters) = (Arc::clone(&self.deps.store), Arc::clone(&self.meters));
        self.spawn(roles, stop, move || Figures::new(store.clone(), Arc::clone(&meters)));
        let deps = Arc::clone(&self.deps);
        self.spawn(roles, stop, move || {
            let (clock, profiles) = (Arc::clone(&deps.clock), Arc::clone(&deps.profiles));
            FleetFigures::new(deps.store.clone(), clock, profiles, &deps.metrics)
        });
    }

    /// Runs a role in a task of its own, and begins it again should a defect end it: it keeps nothing that it cannot read again.
    fn spawn<R: Role + 'static>(
        &self,
        roles: &mut JoinSet<()>,
        stop: &CancellationToken,
        make: impl Fn() -> R + Send + 'static,
    ) {
        let (outages, stop) = (Arc::clone(&self.outages), stop.clone());
        roles.spawn(async move {
            while !stop.is_cancelled() {
                let (role, outages, token) = (make(), Arc::clone(&outages), stop.child_token());
                let name = role.name();
                // Should the caller drop `run` instead of stopping it, the role stops all the same.
                let _dropped = token.clone().drop_guard();
                let running = tokio::spawn(async move { run_role(role, &outages, &token).await });
                if let Err(error) = running.await {
                    tracing::error!(role = name, error = %error, "a role broke off; beginning again");
                    let _ = stop.run_until_cancelled(tokio::time::sleep(DEFECT_PAUSE)).await;
                }
            }
        });
    }
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Control")
    }
}
