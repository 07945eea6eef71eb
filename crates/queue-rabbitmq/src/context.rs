//! What all connections of one queue share.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use paceline_queue::QueueError;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    address::Address, meters::Meters, names::Names, options::RabbitOptions, outage::Outage, topology::Topology,
};

/// What all connections of one queue share.
pub(crate) struct Context {
    pub(crate) address: Address,
    pub(crate) topology: Topology,
    pub(crate) name: String,
    pub(crate) seed: u64,
    pub(crate) away_wait: Duration,
    pub(crate) blocked_wait: Duration,
    pub(crate) publish_window: usize,
    pub(crate) meters: Meters,
    pub(crate) outage: Outage,
    /// Cancelled when the queue is closed.
    pub(crate) stop: CancellationToken,
    /// What runs in the background, to be waited for at the end.
    pub(crate) tasks: TaskTracker,
    generations: AtomicU64,
}

impl Context {
    pub(crate) fn new(options: &RabbitOptions) -> Result<Self, QueueError> {
        let address = Address::parse(options)?;
        let names = Names::new(&options.namespace)?;
        Ok(Self {
            outage: Outage::new(address.shown.clone()),
            address,
            topology: Topology { names, queue_type: options.queue_type, answer_wait: options.answer_wait },
            name: options.name.clone(),
            seed: options.seed,
            away_wait: options.away_wait,
            blocked_wait: options.blocked_wait,
            publish_window: options.publish_window.max(1),
            meters: Meters::new(&options.metrics),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            generations: AtomicU64::new(0),
        })
    }

    /// Counts a connection that came up.
    pub(crate) fn begin_generation(&self) {
        let generation = self.generations.fetch_add(1, Ordering::Relaxed) + 1;
        self.meters.generation.set(i64::try_from(generation).unwrap_or(i64::MAX));
    }

    pub(crate) fn names(&self) -> &Names {
        &self.topology.names
    }
}
