//! Worker processes.

use std::time::Duration;

use async_trait::async_trait;
use paceline_domain::{ChannelKind, WorkerId};
use paceline_store::{
    fleet::{Which, WorkerReport, WorkerView},
    senders::Sender,
};

use crate::Fallible;

/// Statements of a transaction.
#[async_trait]
pub trait FleetRows {
    /// Removes workers whose reports have run out, but for one. Skips what others hold locked.
    async fn remove_silent_workers(&mut self, but: WorkerId) -> Fallible<()>;

    /// Writes a worker's report, good for `ttl`. Host, process id, version and pin stay as first reported.
    async fn put_worker(&mut self, report: &WorkerReport, ttl: Duration) -> Fallible<()>;

    /// Removes a worker.
    async fn remove_worker(&mut self, worker: WorkerId) -> Fallible<()>;
}

/// Statements outside of transactions.
#[async_trait]
pub trait FleetReads {
    /// The workers whose reports hold, by start and id.
    async fn list_workers(&self) -> Fallible<Vec<WorkerView>>;

    /// Senders by creation and id.
    async fn list_fleet_senders(&self, which: &Which) -> Fallible<Vec<Sender>>;

    /// How many leases that hold each worker has, by worker.
    async fn count_leases(&self) -> Fallible<Vec<(WorkerId, u32)>>;

    /// How many active senders of these channels no living worker is pinned to.
    async fn count_shared_senders(&self, channels: &[ChannelKind]) -> Fallible<u32>;
}
