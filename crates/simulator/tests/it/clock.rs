//! A clock that is moved by hand.

use chrono::{DateTime, TimeDelta, Utc};
use paceline_domain::{Clock, SleepFuture};
use tokio::sync::watch;

/// Stands still until moved.
pub(crate) struct HandClock {
    now: watch::Sender<DateTime<Utc>>,
}

impl HandClock {
    pub(crate) fn new() -> Self {
        Self { now: watch::Sender::new(DateTime::from_timestamp(1_760_000_000, 0).expect("a time")) }
    }

    pub(crate) fn advance(&self, by: TimeDelta) {
        self.now.send_modify(|now| *now += by);
    }
}

impl Clock for HandClock {
    fn now(&self) -> DateTime<Utc> {
        *self.now.borrow()
    }
    fn real_now(&self) -> DateTime<Utc> {
        self.now()
    }
    fn sleep_until(&self, at: DateTime<Utc>) -> SleepFuture {
        let mut now = self.now.subscribe();
        Box::pin(async move {
            if now.wait_for(|now| *now >= at).await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }
}
