//! Worker processes.

use std::time::Duration;

use async_trait::async_trait;
use paceline_domain::{ChannelKind, WorkerId};
use paceline_store::{
    StoreResult,
    fleet::{FleetStore, Which, WorkerReport, WorkerView},
    senders::Sender,
};

use crate::{Database, Fallible, Ledger, transaction::Tx};

#[async_trait]
impl<D: Database> FleetStore for Ledger<D> {
    async fn report_worker(&self, report: WorkerReport, ttl: Duration) -> StoreResult<()> {
        self.write(move |tx| Box::pin(report_worker(tx, report, ttl))).await
    }

    async fn remove_worker(&self, worker: WorkerId) -> StoreResult<()> {
        self.write(move |tx| tx.rows.remove_worker(worker)).await
    }

    async fn list_workers(&self) -> StoreResult<Vec<WorkerView>> {
        Ok(self.database.list_workers().await?)
    }

    async fn list_fleet_senders(&self, which: Which) -> StoreResult<Vec<Sender>> {
        Ok(self.database.list_fleet_senders(&which).await?)
    }

    async fn count_leases(&self) -> StoreResult<Vec<(WorkerId, u32)>> {
        Ok(self.database.count_leases().await?)
    }

    async fn count_shared_senders(&self, channels: &[ChannelKind]) -> StoreResult<u32> {
        Ok(self.database.count_shared_senders(channels).await?)
    }
}

async fn report_worker(tx: &mut Tx<'_>, report: WorkerReport, ttl: Duration) -> Fallible<()> {
    tx.rows.remove_silent_workers(report.id).await?;
    tx.rows.put_worker(&report, ttl).await
}
