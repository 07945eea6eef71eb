//! The environment that all nodes share: store, broker, network, chance, and what is going to happen. One thread owns it all;
//! the lock is there because the ports ask for `Sync`, and nobody ever waits for it.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt as _;
use paceline_domain::{Clock as _, WorkspaceId, WorkspaceKey};
use paceline_ledger::Ledger;

use crate::{
    books::Books, broker::Broker, chance::Chance, clock::NodeClock, clock::WorldClock, flaw::Flaw, memory::Memory,
    network::Network, trace::Trace, weather::Weather,
};

/// What is to happen at a moment.
type Happening = Box<dyn FnOnce(&mut World) + Send>;

/// The environment.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) broker: Broker,
    pub(crate) network: Network,
    pub(crate) weather: Weather,
    pub(crate) chance: Chance,
    pub(crate) books: Books,
    pub(crate) flaw: Option<Flaw>,
    pub(crate) trace: Trace,
    /// The latest moment that any node has got to. Nodes differ by less than a turn of the simulation.
    pub(crate) now: DateTime<Utc>,
    /// Who was caught at a step that matters, and is to be killed or frozen before it learns of its answer.
    pub(crate) ambushed: Vec<(usize, Ambush)>,
    agenda: BTreeMap<(DateTime<Utc>, u64), Happening>,
    agreed: u64,
}

/// The store that all share: the real ledger over maps, and the workspace that everything belongs to.
pub(crate) struct Store {
    pub(crate) ledger: Ledger<Memory>,
    pub(crate) maps: Memory,
    pub(crate) clock: WorldClock,
    pub(crate) workspace: WorkspaceId,
    pub(crate) key: WorkspaceKey,
}

/// What a call of the ledger comes to.
pub(crate) fn at_once<T>(call: impl Future<Output = T>) -> T {
    call.now_or_never().expect("one thread owns the world, so that no call of the ledger waits")
}

/// What becomes of a process that is caught.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ambush {
    Kill,
    Freeze,
}

/// The parts that a world is made of.
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) network: Network,
    pub(crate) weather: Weather,
    pub(crate) chance: Chance,
    pub(crate) books: Books,
    pub(crate) flaw: Option<Flaw>,
    pub(crate) trace: Trace,
}

impl World {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { store, network, weather, chance, books, flaw, trace } = parts;
        let now = store.clock.now();
        let (broker, agenda) = (Broker::default(), BTreeMap::new());
        let ambushed = Vec::new();
        Self { store, broker, network, weather, chance, books, flaw, trace, now, ambushed, agenda, agreed: 0 }
    }

    /// Time has got here, as some node sees it.
    pub(crate) fn reach(&mut self, now: DateTime<Utc>) {
        self.now = self.now.max(now);
        self.store.clock.set(self.now);
    }

    pub(crate) fn in_a(&self, while_: Duration) -> DateTime<Utc> {
        self.now + TimeDelta::from_std(while_).unwrap_or(TimeDelta::zero())
    }

    /// Lets something happen after a while, whatever becomes of the node that asked for it.
    pub(crate) fn later(&mut self, after: Duration, what: impl FnOnce(&mut Self) + Send + 'static) {
        self.agreed += 1;
        let at = self.in_a(after);
        self.agenda.insert((at, self.agreed), Box::new(what));
    }

    /// When the next thing happens.
    pub(crate) fn next_at(&self) -> Option<DateTime<Utc>> {
        self.agenda.keys().next().map(|(at, _)| *at)
    }

    /// Lets all happen whose time has come.
    pub(crate) fn let_happen(&mut self) {
        while let Some(entry) = self.agenda.first_entry().filter(|entry| entry.key().0 <= self.now) {
            entry.remove()(self);
        }
    }

    /// Forgets what was going to happen: what is agreed holds the world, and would keep it for ever.
    pub(crate) fn end(&mut self) -> (u64, Vec<String>) {
        self.agenda.clear();
        self.trace.take()
    }

    pub(crate) fn note(&mut self, who: &str, what: fmt::Arguments<'_>) {
        self.trace.note(self.now, who, what);
    }

    /// One transaction of the store, and what the books say about it.
    pub(crate) fn transact<T>(&mut self, transaction: impl FnOnce(&mut Self) -> T) -> T {
        let answer = transaction(self);
        let Self { books, store, .. } = self;
        books.follow(&mut store.maps.look());
        answer
    }
}

/// The world as all hold it.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<World>>);

impl Shared {
    pub(crate) fn new(world: World) -> Self {
        Self(Arc::new(Mutex::new(world)))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A node's way into the world.
#[derive(Clone)]
pub(crate) struct Port {
    world: Shared,
    clock: Arc<NodeClock>,
    /// Which node.
    pub(crate) node: usize,
    /// Its name in the trace.
    pub(crate) name: Arc<str>,
}

impl Port {
    pub(crate) const fn new(world: Shared, clock: Arc<NodeClock>, node: usize, name: Arc<str>) -> Self {
        Self { world, clock, node, name }
    }

    /// The world at this node's moment. To be called inside the node's runtime.
    pub(crate) fn enter(&self) -> MutexGuard<'_, World> {
        let now = self.clock.now();
        let mut world = self.world.lock();
        world.reach(now);
        world
    }

    /// The world, from a destructor, which may run outside of the node's runtime.
    pub(crate) fn enter_late(&self) -> MutexGuard<'_, World> {
        self.world.lock()
    }
}

impl World {
    /// A node takes a step that matters; it may be caught there.
    pub(crate) fn step(&mut self, port: &Port) {
        let rate = self.weather.ambush;
        if self.chance.happens(rate) {
            let ambush = if self.chance.happens(500) { Ambush::Kill } else { Ambush::Freeze };
            self.ambushed.push((port.node, ambush));
        }
    }

    /// A node is about to take a step that an epoch must fence; it may freeze with the request on its lips.
    pub(crate) fn ask(&mut self, port: &Port) {
        let rate = self.weather.ambush * 4;
        if self.chance.happens(rate) {
            self.ambushed.push((port.node, Ambush::Freeze));
        }
    }

    /// Whether a node was caught in this turn.
    pub(crate) fn is_caught(&self, port: &Port) -> bool {
        self.ambushed.iter().any(|(node, _)| *node == port.node)
    }

    /// Notes what a node did.
    pub(crate) fn tell(&mut self, port: &Port, what: fmt::Arguments<'_>) {
        self.note(&port.name, what);
    }
}
