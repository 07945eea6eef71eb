//! Health: whether the database answers and may be written to, and the figures that metrics show.

use std::time::Duration;

use async_trait::async_trait;
use paceline_domain::Account;

use crate::StoreResult;

/// Figures over the whole installation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoreFigures {
    /// The account over all campaigns and transactional messages, from the kept counters. `planned` is counted
    /// separately from the buckets, so that an imbalance shows.
    pub account: Account,
    /// Leases that have not run out.
    pub leases_held: i64,
    /// How long ago, in real time, the oldest outcome was recorded whose result has not been applied.
    pub outbox_age: Option<Duration>,
    /// Webhook deliveries that wait.
    pub deliveries_waiting: i64,
    /// Dead letters that an operator has not replayed, those of jobs left out: their messages wait again.
    pub dead_letters: i64,
    /// Events without a number.
    pub events_unnumbered: i64,
}

/// Health.
#[async_trait]
pub trait HealthStore: Send + Sync {
    /// Whether the database can be read and written.
    async fn ping(&self) -> StoreResult<()>;

    /// Figures for metrics, from counters and small indexes; never a scan of a large table.
    async fn figures(&self) -> StoreResult<StoreFigures>;
}
