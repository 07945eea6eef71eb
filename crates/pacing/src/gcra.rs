//! The generic cell rate algorithm as pure arithmetic: one timestamp is the whole state of a rate limit.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// A rate: one unit each `period`, with `burst` units at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gcra {
    /// The time that one unit takes at the sustained rate.
    pub period: Duration,
    /// How many units may go at once, at least one.
    pub burst: u32,
}

impl Gcra {
    /// When the next unit conforms. `arrival` is the theoretical arrival time that [`Self::spend`] returned last.
    pub fn earliest(&self, arrival: Option<DateTime<Utc>>, now: DateTime<Utc>) -> DateTime<Utc> {
        arrival.map_or(now, |arrival| (arrival - self.tolerance()).max(now))
    }

    /// The theoretical arrival time after spending one unit at `at`, which must not lie before [`Self::earliest`].
    pub fn spend(&self, arrival: Option<DateTime<Utc>>, at: DateTime<Utc>) -> DateTime<Utc> {
        arrival.map_or(at, |arrival| arrival.max(at)) + self.period
    }

    fn tolerance(&self) -> Duration {
        self.period.saturating_mul(self.burst.saturating_sub(1))
    }
}
