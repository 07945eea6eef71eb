//! The generic cell rate algorithm as pure arithmetic: one timestamp is the whole state of a rate limit.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

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
        arrival
            .and_then(|arrival| arrival.checked_sub_signed(self.tolerance()))
            .map_or(now, |earliest| earliest.max(now))
    }

    /// The theoretical arrival time after spending one unit at `at`, which must not lie before [`Self::earliest`].
    pub fn spend(&self, arrival: Option<DateTime<Utc>>, at: DateTime<Utc>) -> DateTime<Utc> {
        let from = arrival.map_or(at, |arrival| arrival.max(at));
        from.checked_add_signed(signed(self.period)).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    fn tolerance(&self) -> TimeDelta {
        signed(self.period.saturating_mul(self.burst.saturating_sub(1)))
    }
}

fn signed(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}
