//! The clocks of the binary: the system's, and a scaled one for demonstrations. The only place that asks what time it is.

use std::{io::ErrorKind, path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use chrono::{DateTime, SubsecRound, Utc};
use paceline_domain::{Clock, SleepFuture};

use crate::data_dir;
use serde::{Deserialize, Serialize};

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

/// Where a scaled clock starts unless the configuration says so.
const ORIGIN_BACK: Duration = Duration::from_hours(30 * 24);

/// The clock that the configuration asks for. A scaled one is anchored in `folder`: its processes share it, and a restart goes
/// on where the clock has got to, because campaign time never runs backwards.
pub(crate) fn from_settings(
    speed: f64,
    origin: Option<DateTime<Utc>>,
    folder: &Path,
) -> anyhow::Result<Arc<dyn Clock>> {
    if speed <= 1.0 {
        return Ok(Arc::new(SystemClock));
    }
    let started = real_now();
    let fresh = Anchor { origin: origin.unwrap_or(started - ORIGIN_BACK).min(started), started, speed };
    Ok(Arc::new(fresh.settle(origin, folder)?.clock()))
}

/// What a scaled clock is reckoned from.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Anchor {
    origin: DateTime<Utc>,
    started: DateTime<Utc>,
    speed: f64,
}

impl Anchor {
    /// The anchor in the folder, or this one, kept there for the next start.
    fn settle(self, origin: Option<DateTime<Utc>>, folder: &Path) -> anyhow::Result<Self> {
        data_dir::make_private(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let path = folder.join("clock.json");
        match std::fs::OpenOptions::new().create_new(true).write(true).open(&path) {
            Ok(file) => {
                serde_json::to_writer(file, &self).with_context(|| format!("cannot write {}", path.display()))?;
                Ok(self)
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                Self::read(&path)?.check(self.speed, origin, &path)
            }
            Err(error) => Err(error).with_context(|| format!("cannot make {}", path.display())),
        }
    }

    fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_slice(&text)
            .with_context(|| format!("{} does not hold a clock; remove it to start a new one", path.display()))
    }

    /// Another speed or origin would throw campaign time forwards or back under a database that knows it.
    fn check(self, speed: f64, origin: Option<DateTime<Utc>>, path: &Path) -> anyhow::Result<Self> {
        let same = (self.speed - speed).abs() < f64::EPSILON && origin.is_none_or(|origin| origin == self.origin);
        anyhow::ensure!(
            same,
            "{} was made for clock.speed {} and clock.origin {}; keep them, or use another data_dir",
            path.display(),
            self.speed,
            self.origin.to_rfc3339(),
        );
        Ok(self)
    }

    fn clock(self) -> ScaledClock {
        ScaledClock { origin: self.origin, started: self.started, speed: self.speed }
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

    use super::{ScaledClock, from_settings, real_now};

    #[test]
    fn a_restart_goes_on_where_the_clock_has_got_to() {
        let folder = tempfile::tempdir().unwrap();
        let before = from_settings(1_000.0, None, folder.path()).unwrap().now();
        let after = from_settings(1_000.0, None, folder.path()).unwrap().now();
        assert!(after >= before && after - before < chrono::Duration::hours(12), "{before} {after}");
        let refused = from_settings(2_000.0, None, folder.path()).err().map(|error| error.to_string());
        assert!(refused.is_some_and(|refused| refused.contains("clock.speed 1000")), "another speed is refused");
    }

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
