//! A clock that is moved by hand.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use paceline_domain::{Clock, SleepFuture};
use tokio::sync::watch;

/// A clock whose campaign time stands still until a test moves it. Real time follows the system's, and may be moved ahead of
/// it, so that a deadline passes without anyone waiting for it. Clones are the same clock.
#[derive(Debug, Clone)]
pub struct ManualClock {
    now: Arc<watch::Sender<DateTime<Utc>>>,
    real_ahead: Arc<Mutex<TimeDelta>>,
}

impl ManualClock {
    /// A clock that stands at `now`.
    pub fn at(now: DateTime<Utc>) -> Self {
        let now = Arc::new(watch::Sender::new(now.trunc_subsecs(6)));
        Self { now, real_ahead: Arc::new(Mutex::new(TimeDelta::zero())) }
    }

    /// Moves campaign time ahead and wakes who slept until then.
    pub fn advance(&self, by: Duration) {
        self.now.send_modify(|now| *now = (*now + by).trunc_subsecs(6));
    }

    /// Moves campaign time to `at` and wakes who slept until then.
    ///
    /// # Panics
    /// When `at` lies behind: time never runs backwards.
    pub fn set(&self, at: DateTime<Utc>) {
        self.now.send_modify(|now| {
            assert!(at >= *now, "time never runs backwards: from {now} to {at}");
            *now = at.trunc_subsecs(6);
        });
    }

    /// Moves real time further ahead of the system's.
    pub fn advance_real(&self, by: Duration) {
        *self.real_ahead.lock().unwrap_or_else(PoisonError::into_inner) +=
            TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.now.borrow()
    }

    #[expect(clippy::disallowed_methods, reason = "the testkit's one source of real time")]
    fn real_now(&self) -> DateTime<Utc> {
        let ahead = *self.real_ahead.lock().unwrap_or_else(PoisonError::into_inner);
        (Utc::now() + ahead).trunc_subsecs(6)
    }

    fn sleep_until(&self, at: DateTime<Utc>) -> SleepFuture {
        // The sleeper keeps the sender alive, so that it waits on even when every other clone is gone.
        let clock = Arc::clone(&self.now);
        Box::pin(async move {
            let reached = clock.subscribe().wait_for(|now| *now >= at).await.is_ok();
            assert!(reached, "the clock outlives its sleepers");
        })
    }
}
