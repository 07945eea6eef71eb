//! Clocks: a node's, which is the paused time of its runtime, counted from the moment of the simulation in which the node began; and the
//! world's, which shows how far the nodes have got.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use paceline_domain::{Clock, SleepFuture};
use tokio::time::Instant;

/// Campaign time and real time of one node, which are equal. To be read inside the node's runtime only.
pub(crate) struct NodeClock {
    began: DateTime<Utc>,
    base: Instant,
}

impl NodeClock {
    /// A clock that shows `began` at `base`.
    pub(crate) const fn new(began: DateTime<Utc>, base: Instant) -> Self {
        Self { began, base }
    }

    /// When the node's runtime gets to a moment of the simulation.
    pub(crate) fn instant_of(&self, at: DateTime<Utc>) -> Instant {
        self.base + (at - self.began).to_std().unwrap_or_default()
    }
}

impl Clock for NodeClock {
    fn now(&self) -> DateTime<Utc> {
        let passed = Instant::now().saturating_duration_since(self.base);
        (self.began + TimeDelta::from_std(passed).unwrap_or(TimeDelta::MAX)).trunc_subsecs(6)
    }

    fn real_now(&self) -> DateTime<Utc> {
        self.now()
    }

    fn sleep_until(&self, at: DateTime<Utc>) -> SleepFuture {
        Box::pin(tokio::time::sleep_until(self.instant_of(at)))
    }
}

/// The time of the world, which is moved by hand. Clones are the same clock.
#[derive(Clone)]
pub(crate) struct WorldClock(Arc<AtomicI64>);

impl WorldClock {
    pub(crate) fn at(now: DateTime<Utc>) -> Self {
        Self(Arc::new(AtomicI64::new(now.timestamp_micros())))
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0.load(Ordering::Relaxed)).unwrap_or_default()
    }

    pub(crate) fn set(&self, now: DateTime<Utc>) {
        self.0.store(now.timestamp_micros(), Ordering::Relaxed);
    }
}
