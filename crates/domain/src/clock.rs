//! The one clock trait. Campaign time may be scaled or moved by hand; leases, polling and signatures use real time.

use std::{future::Future, pin::Pin};

use chrono::{DateTime, Utc};

/// What [`Clock::sleep_until`] returns.
pub type SleepFuture = Pin<Box<dyn Future<Output = ()> + Send + 'static>>;

/// Tells campaign time and real time. Precision is one microsecond, that of the stores.
pub trait Clock: Send + Sync + 'static {
    /// Campaign time: what pacing, schedules and receipts are reckoned in. Never runs backwards, never passes real time
    /// where it is scaled.
    fn now(&self) -> DateTime<Utc>;

    /// Real time: what leases, delivery holds and webhook signatures are reckoned in.
    fn real_now(&self) -> DateTime<Utc>;

    /// How many seconds of campaign time pass in a real second.
    fn speed(&self) -> f64 {
        1.0
    }

    /// Resolves once campaign time has reached `at`.
    fn sleep_until(&self, at: DateTime<Utc>) -> SleepFuture;
}
