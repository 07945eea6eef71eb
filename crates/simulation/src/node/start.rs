//! What the processes are made of: the real roles and the real worker, on the ports of the simulation, with deadlines short
//! enough that a minute sees all of them pass.

use std::{future::Future, sync::Arc, time::Duration};

use paceline_control::{
    Applier, DeadLetterRecorder, Duty, Meters, Outages, PlanOptions, Planner, ReleaseOptions, Releaser, ReleaserDeps,
    ResultOptions, ResultsRole, Role, Sequencer, SweepOptions, Sweeper, run_role,
};
use paceline_domain::{Clock, Minter, WorkerId};
use paceline_pacing::Profiles;
use paceline_queue::RESULT_SHARDS;
use paceline_telemetry::Metrics;
use paceline_worker::{SessionKey, SessionKeyring, Worker, WorkerDeps, WorkerOptions};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    channel::NodeChannel,
    clock::NodeClock,
    queue::NodeQueue,
    store::NodeStore,
    world::{Port, Shared},
};

/// What all processes of a run have in common.
pub(crate) struct Fleet {
    pub(crate) profiles: Arc<Profiles>,
    /// The most senders of each worker.
    pub(crate) slots: u32,
}

impl Fleet {
    /// The control plane's roles, until they are stopped.
    pub(crate) fn control(
        &self,
        port: Port,
        clock: Arc<NodeClock>,
        stop: CancellationToken,
    ) -> impl Future<Output = ()> + Send + use<> {
        let minter = Arc::new(Minter::new(port.enter_late().chance.bytes()));
        let profiles = Arc::clone(&self.profiles);
        async move {
            let mut roles = Roles::new(stop);
            let (store, queue) = (Arc::new(NodeStore::new(port.clone())), Arc::new(NodeQueue::new(port)));
            let clock: Arc<dyn Clock> = clock;
            let meters = Arc::clone(&roles.meters);
            let applier = Arc::new(Applier::new(store.clone(), Arc::clone(&clock), Arc::clone(&meters)));
            let recorder = Arc::new(DeadLetterRecorder::new(store.clone(), Arc::clone(&clock), Arc::clone(&meters)));
            let planner = Planner::new(store.clone(), Arc::clone(&clock), minter, Arc::clone(&meters));
            roles.run(planner.with_options(plan_options()));
            let deps = ReleaserDeps {
                store: store.clone(),
                queue: queue.clone(),
                clock: Arc::clone(&clock),
                profiles,
                meters,
            };
            roles.run(Releaser::new(deps, release_options()));
            roles.run(Sequencer::new(store.clone()));
            for shard in 0..RESULT_SHARDS {
                let applier = Arc::clone(&applier);
                let recorder = Arc::clone(&recorder);
                roles.run(ResultsRole::new(shard, queue.clone(), applier, recorder, ResultOptions::default()));
            }
            for duty in Duty::ALL {
                let sweeper = Sweeper::new(duty, store.clone(), Arc::clone(&clock), Arc::clone(&applier));
                roles.run(sweeper.with_options(sweep_options()));
            }
            roles.end().await;
        }
    }

    /// A new process's name.
    pub(crate) fn name_worker(world: &Shared) -> WorkerId {
        let mut world = world.lock();
        let now = world.now;
        WorkerId::from_parts(now, world.chance.bytes())
    }

    /// A worker that has not started.
    pub(crate) fn worker(&self, port: Port, clock: Arc<NodeClock>, worker: WorkerId) -> Worker {
        let deps = WorkerDeps {
            store: Arc::new(NodeStore::new(port.clone())),
            queue: Arc::new(NodeQueue::new(port.clone())),
            channels: vec![Arc::new(NodeChannel::new(port))],
            clock,
            profiles: Arc::clone(&self.profiles),
            keyring: SessionKeyring::new(SessionKey::new("simulation", &[7; 32]), Vec::new()),
            metrics: Arc::new(Metrics::new()),
        };
        let options = WorkerOptions {
            slots: self.slots,
            lease_ttl: Duration::from_secs(6),
            renew_every: Duration::from_secs(2),
            claim_every: Duration::from_millis(700),
            report_every: Duration::from_secs(2),
            send_timeout: Duration::from_secs(2),
            max_hold: Duration::from_secs(8),
            replaced_pause: Duration::from_secs(3),
            reconnect_pause: Duration::from_millis(500),
            drain_within: Duration::from_secs(5),
            ..WorkerOptions::new(worker)
        };
        Worker::new(deps, options)
    }
}

/// Roles that run side by side.
struct Roles {
    set: JoinSet<()>,
    stop: CancellationToken,
    meters: Arc<Meters>,
    outages: Arc<Outages>,
}

impl Roles {
    fn new(stop: CancellationToken) -> Self {
        let meters = Arc::new(Meters::new(&Metrics::new()));
        let outages = Arc::new(Outages::new(&meters));
        Self { set: JoinSet::new(), stop, meters, outages }
    }

    fn run(&mut self, role: impl Role + 'static) {
        let (outages, stop) = (Arc::clone(&self.outages), self.stop.clone());
        self.set.spawn(async move { run_role(role, &outages, &stop).await });
    }

    /// Waits for the end of each. A role that broke off breaks the process, so that the run shows it.
    async fn end(mut self) {
        while let Some(ended) = self.set.join_next().await {
            ended.expect("no role breaks off");
        }
    }
}

fn plan_options() -> PlanOptions {
    PlanOptions { batch_rows: 6, batches_per_turn: 2, idle: Duration::from_secs(1), ..PlanOptions::default() }
}

fn release_options() -> ReleaseOptions {
    ReleaseOptions {
        horizon: Duration::from_secs(6),
        hold: Duration::from_secs(12),
        busy: Duration::from_millis(200),
        idle: Duration::from_secs(1),
        ..ReleaseOptions::default()
    }
}

fn sweep_options() -> SweepOptions {
    SweepOptions {
        prompt: Duration::from_secs(1),
        steady: Duration::from_secs(1),
        slow: Duration::from_secs(2),
        limit: 50,
        unapplied_age: Duration::from_secs(3),
        abandoned_age: Duration::from_secs(15),
        ..SweepOptions::default()
    }
}
