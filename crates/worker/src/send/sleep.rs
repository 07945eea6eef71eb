//! Waiting for a time that there may not be.

use chrono::{DateTime, Utc};
use paceline_domain::Clock;
use tokio::time::Instant;

/// Sleeps until a campaign time, or for ever.
pub(crate) async fn sleep_until(clock: &dyn Clock, until: Option<DateTime<Utc>>) {
    match until {
        Some(at) => clock.sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Sleeps until a real time, or for ever.
pub(crate) async fn sleep_until_instant(until: Option<Instant>) {
    match until {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
