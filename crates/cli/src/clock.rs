//! The clocks of the binary: the system's, and a scaled one for demonstrations. The only place that asks what time it is.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, SubsecRound, Utc};
use paceline_domain::{Clock, SleepFuture};

/// Sleeps are cut into pieces of at most this long, so that a clock that was set is noticed.
const LONGEST_SLEEP: Duration = Duration::from_mins(1);

/// The system's clock: campaign time is real time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemClock;

/// The real time that long ago.
pub(crate) fn before_now(back: Duration) -> DateTime<Utc> {
    real_now() - back
}

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        real_now()
    }

    fn real_now(&self) -> DateTime<Utc> {
        real_now()
    }

    fn sleep_until(&self, at: DateTime<Utc>) -> SleepFuture {
        Box::pin(async move {
            while let Ok(left) = (at - real_now()).to_std()
                && !left.is_zero()
            {
                tokio::time::sleep(left.min(LONGEST_SLEEP)).await;
            }
        })
    }
}

/// A clock that starts in the past and runs `speed` times as fast as real time until it has caught up with it; from then
/// on it is the system's clock. What it stamped is therefore never in the future of whoever opens the database later.
#[derive(Debug, Clone)]
pub(crate) struct ScaledClock {
    origin: DateTime<Utc>,
    started: DateTime<Utc>,
    speed: f64,
}

impl ScaledClock {
    /// A clock that shows `origin` now. An origin in the future counts as now; a speed below 1 as 1.
    pub(crate) fn starting_at(origin: DateTime<Utc>, speed: f64) -> Self {
        let started = real_now();
        let speed = if speed.is_finite() { speed.max(1.0) } else { 1.0 };
        Self { origin: origin.min(started), started, speed }
    }

    fn at_real(&self, real: DateTime<Utc>) -> DateTime<Utc> {
        let elapsed = (real - self.started).to_std().unwrap_or(Duration::ZERO);
        let scaled = chrono::Duration::from_std(elapsed.mul_f64(self.speed)).unwrap_or(chrono::Duration::MAX);
        self.origin.checked_add_signed(scaled).map_or(real, |scaled| scaled.min(real)).trunc_subsecs(6)
    }
}

impl Clock for ScaledClock {
    fn now(&self) -> DateTime<Utc> {
        self.at_real(real_now())
    }

    fn real_now(&self) -> DateTime<Utc> {
        real_now()
    }

    fn speed(&self) -> f64 {
        let real = real_now();
        if self.at_real(real) >= real.trunc_subsecs(6) { 1.0 } else { self.speed }
    }

    fn sleep_until(&self, at: DateTime<Utc>) -> SleepFuture {
        let clock = self.clone();
        Box::pin(async move {
            while let Ok(left) = (at - clock.now()).to_std()
                && !left.is_zero()
            {
                let real = left.div_f64(clock.speed()).clamp(Duration::from_millis(1), LONGEST_SLEEP);
                tokio::time::sleep(real).await;
            }
        })
    }
}

/// The clock that the configuration asks for.
pub(crate) fn from_settings(speed: f64, origin: Option<DateTime<Utc>>) -> Arc<dyn Clock> {
    match origin {
        Some(origin) if speed > 1.0 => Arc::new(ScaledClock::starting_at(origin, speed)),
        _ => Arc::new(SystemClock),
    }
}

#[expect(clippy::disallowed_methods, reason = "the binary's one source of time")]
fn real_now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::SubsecRound;
    use paceline_domain::Clock;

    use super::{ScaledClock, real_now};

    #[test]
    fn a_scaled_clock_runs_at_its_speed_until_it_meets_real_time() {
        let origin = real_now() - Duration::from_secs(1_000);
        let clock = ScaledClock::starting_at(origin, 101.0);
        let after = |seconds: u64| clock.at_real(clock.started + Duration::from_secs(seconds));
        assert_eq!(after(1), (origin + Duration::from_secs(101)).trunc_subsecs(6));
        assert_eq!(after(60), clock.started + Duration::from_mins(1), "it never passes real time");
    }

    #[test]
    fn an_origin_in_the_future_counts_as_now() {
        let clock = ScaledClock::starting_at(real_now() + Duration::from_hours(1), 10.0);
        assert!(clock.now() <= clock.real_now());
    }
}
