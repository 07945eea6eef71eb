//! The hard backstop on a sender's rate: `governor`, driven by campaign time. The pacer alone should never meet it; for an unpaced
//! sender it is the pace.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use governor::{
    NotUntil, Quota, RateLimiter,
    clock::Clock as GovernorClock,
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed},
};
use paceline_domain::Clock;

/// At most so many sends in a second of campaign time.
pub(crate) struct Ceiling {
    limiter: RateLimiter<NotKeyed, InMemoryState, CampaignClock, NoOpMiddleware<Duration>>,
    clock: Arc<dyn Clock>,
    burst: NonZeroU32,
}

impl Ceiling {
    pub(crate) fn new(per_second: u32, clock: Arc<dyn Clock>) -> Self {
        let burst = NonZeroU32::new(per_second).unwrap_or(NonZeroU32::MIN);
        let limiter = RateLimiter::direct_with_clock(Quota::per_second(burst), CampaignClock(Arc::clone(&clock)));
        Self { limiter, clock, burst }
    }

    /// The most sends that can be admitted at once.
    pub(crate) fn burst(&self) -> usize {
        usize::try_from(self.burst.get()).unwrap_or(usize::MAX)
    }

    /// Admits `count` sends, or says when they would be. More than the burst are taken as the burst.
    pub(crate) fn check(&self, count: usize) -> Result<(), DateTime<Utc>> {
        let count = u32::try_from(count).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN).min(self.burst);
        match self.limiter.check_n(count) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(refused)) => Err(earliest(&refused)),
            Err(_) => Err(self.clock.now() + Duration::from_secs(1)),
        }
    }

    /// Waits until one more send is admitted.
    pub(crate) async fn admit(&self) {
        while let Err(at) = self.check(1) {
            self.clock.sleep_until(at).await;
        }
    }
}

fn earliest(refused: &NotUntil<Duration>) -> DateTime<Utc> {
    // One microsecond more, since the clock cannot tell the nanoseconds before it.
    DateTime::UNIX_EPOCH + refused.earliest_possible() + Duration::from_micros(1)
}

/// Campaign time as `governor` reads it: the time since 1970.
#[derive(Clone)]
struct CampaignClock(Arc<dyn Clock>);

impl GovernorClock for CampaignClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        (self.0.now() - DateTime::UNIX_EPOCH).to_std().unwrap_or(Duration::ZERO)
    }
}
