//! A process: a runtime of its own on paused time, which can be run up to a moment, frozen, woken, and dropped in mid-flight.

mod start;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use paceline_domain::{Clock as _, WorkerId};
use tokio::{
    runtime::{Builder, Runtime},
    task::JoinHandle,
    time::{Instant, advance, sleep_until},
};
use tokio_util::sync::CancellationToken;

use crate::{
    clock::NodeClock,
    world::{Port, Shared},
};

pub(crate) use start::Fleet;

/// What a process is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Control,
    Worker,
}

/// A process, running or not.
pub(crate) struct Node {
    pub(crate) index: usize,
    pub(crate) kind: Kind,
    pub(crate) name: Arc<str>,
    pub(crate) running: Option<Running>,
    /// When a process that is down is started again.
    pub(crate) starts_at: DateTime<Utc>,
}

/// A process that runs.
pub(crate) struct Running {
    runtime: Runtime,
    clock: Arc<NodeClock>,
    stop: CancellationToken,
    main: JoinHandle<()>,
    /// Until when it is not run, although time passes.
    frozen_until: Option<DateTime<Utc>>,
    /// The id of a worker.
    pub(crate) worker: Option<WorkerId>,
}

/// How a process stands after a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Runs,
    Ended,
    Broke,
}

impl Node {
    pub(crate) fn new(index: usize, kind: Kind, name: String, starts_at: DateTime<Utc>) -> Self {
        Self { index, kind, name: name.into(), running: None, starts_at }
    }

    /// Whether it runs and is not frozen.
    pub(crate) fn is_awake(&self) -> bool {
        self.running.as_ref().is_some_and(|running| running.frozen_until.is_none())
    }

    /// Starts the process.
    pub(crate) fn start(&mut self, world: &Shared, fleet: &Fleet) {
        // Only a system without memory refuses this.
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.expect("a runtime without I/O needs nothing that can be missing");
        let base = runtime.block_on(async { Instant::now() });
        let now = world.lock().now;
        let clock = Arc::new(NodeClock::new(now, base));
        let port = Port::new(world.clone(), Arc::clone(&clock), self.index, Arc::clone(&self.name));
        let stop = CancellationToken::new();
        let (main, worker) = match self.kind {
            Kind::Control => (runtime.spawn(fleet.control(port, Arc::clone(&clock), stop.clone())), None),
            Kind::Worker => {
                let worker = Fleet::name_worker(world);
                let work = fleet.worker(port, Arc::clone(&clock), worker);
                (runtime.spawn(work.run(stop.clone())), Some(worker))
            }
        };
        world.lock().note(&self.name, format_args!("starts"));
        self.running = Some(Running { runtime, clock, stop, main, frozen_until: None, worker });
    }

    /// Runs the process up to a moment.
    pub(crate) fn run_until(&mut self, from: DateTime<Utc>, until: DateTime<Utc>) -> Standing {
        let Some(running) = &mut self.running else { return Standing::Ended };
        if running.frozen_until.is_some_and(|wakes_at| wakes_at > from) {
            return Standing::Runs;
        }
        let woken = running.frozen_until.take().is_some();
        let Running { runtime, clock, main, .. } = running;
        runtime.block_on(async {
            if woken && let Ok(missed) = (from - clock.now()).to_std() {
                // All timers that came due meanwhile fire at once, as after a SIGCONT.
                advance(missed).await;
            }
            sleep_until(clock.instant_of(until)).await;
        });
        if !main.is_finished() {
            return Standing::Runs;
        }
        let ended = runtime.block_on(main);
        if ended.is_ok() { Standing::Ended } else { Standing::Broke }
    }

    /// Does not run the process for a while.
    pub(crate) fn freeze(&mut self, until: DateTime<Utc>) {
        if let Some(running) = &mut self.running {
            running.frozen_until = Some(until);
        }
    }

    /// Since when it should be awake, for a process that is frozen.
    pub(crate) fn wake(&mut self, now: DateTime<Utc>) {
        if let Some(running) = self.running.as_mut().filter(|running| running.frozen_until.is_some()) {
            running.frozen_until = Some(now);
        }
    }

    /// Asks the process to stop in order.
    pub(crate) fn stop(&self) {
        if let Some(running) = &self.running {
            running.stop.cancel();
        }
    }

    /// Kills the process: every task is dropped where it waits. Answers with the worker that died.
    pub(crate) fn kill(&mut self, starts_at: DateTime<Utc>) -> Option<WorkerId> {
        self.starts_at = starts_at;
        let worker = self.running.as_ref().and_then(|running| running.worker);
        self.running = None;
        worker
    }
}
