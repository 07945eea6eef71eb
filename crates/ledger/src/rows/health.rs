//! Health and figures.

use std::time::Duration;

use async_trait::async_trait;

use crate::Fallible;

/// Figures that are no counters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OtherFigures {
    /// Leases that hold.
    pub leases_held: i64,
    /// The age of the oldest outcome that was recorded and is not applied.
    pub outbox_age: Option<Duration>,
    /// Deliveries that wait.
    pub deliveries_waiting: i64,
    /// Dead letters that wait for an operator; jobs are none.
    pub dead_letters: i64,
    /// Events without a number.
    pub events_unnumbered: i64,
}

/// Statements of a transaction.
#[async_trait]
pub trait HealthRows {
    /// Writes something, to see whether that is possible.
    async fn write_probe(&mut self) -> Fallible<()>;
}

/// Statements outside of transactions.
#[async_trait]
pub trait HealthReads {
    /// Reads something, to see whether that is possible.
    async fn read_probe(&self) -> Fallible<()>;

    /// The figures.
    async fn figures(&self) -> Fallible<OtherFigures>;
}
