//! Campaign time that a test moves by hand; real time passes by itself where it matters.

use chrono::{DateTime, Utc};
use paceline_domain::{Clock, SleepFuture};
use tokio::sync::watch;

/// A hand-moved clock.
pub(crate) struct ManualClock(watch::Sender<DateTime<Utc>>);

impl ManualClock {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(start()))
    }

    pub(crate) fn advance(&self, by: chrono::Duration) {
        self.0.send_modify(|now| *now += by);
    }
}

/// When every test begins: noon, so that no day ends in the middle of it.
pub(crate) fn start() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + chrono::Duration::days(20_000) + chrono::Duration::hours(12)
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.borrow()
    }

    fn real_now(&self) -> DateTime<Utc> {
        self.now()
    }

    fn sleep_until(&self, at: DateTime<Utc>) -> SleepFuture {
        let mut told = self.0.subscribe();
        Box::pin(async move {
            if told.wait_for(|now| *now >= at).await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }
}
