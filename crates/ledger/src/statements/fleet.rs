//! Worker processes.

use std::time::Duration;

use async_trait::async_trait;
use paceline_domain::{ChannelKind, WorkerId};
use paceline_store::{
    fleet::{Which, WorkerReport, WorkerView},
    senders::Sender,
};

use crate::{
    Fallible, columns,
    rows::{FleetReads, FleetRows},
    statements::{Reading, Statement, Value, Writing, find, list},
};

/// The texts.
#[derive(Debug)]
pub struct FleetTexts {
    /// Removes workers that are silent: but this one.
    pub remove_silent: &'static str,
    /// Writes a worker: id, host, process, version, the only sender, slots, channels as JSON, where it listens, memory, whether it
    /// drains, how long it is believed.
    pub put: &'static str,
    /// Removes a worker: id.
    pub remove: &'static str,
    /// Every worker.
    pub list: &'static str,
    /// Active senders.
    pub list_active_senders: &'static str,
    /// A sender: id.
    pub list_senders_by_id: &'static str,
    /// The senders of a number: phone.
    pub list_senders_by_phone: &'static str,
    /// How many leases each worker holds.
    pub count_leases: &'static str,
    /// How many active senders no worker is pinned to: channels.
    pub count_shared_senders: &'static str,
}

#[async_trait]
impl<X: Writing> FleetRows for X {
    async fn remove_silent_workers(&mut self, but: WorkerId) -> Fallible<()> {
        self.run(X::bound(Statement::new(X::TEXTS.fleet.remove_silent).with(but))).await
    }

    async fn put_worker(&mut self, report: &WorkerReport, ttl: Duration) -> Fallible<()> {
        let channels: Vec<&str> = report.channels.iter().copied().map(ChannelKind::as_str).collect();
        let put = Statement::new(X::TEXTS.fleet.put)
            .with(report.id)
            .with(report.host.as_str())
            .with(report.pid)
            .with(report.version.as_str())
            .with(report.pinned)
            .with(report.slots)
            .with(serde_json::json!(channels).to_string())
            .with(report.listen.as_deref())
            .with(i64::try_from(report.resident_bytes).unwrap_or(i64::MAX))
            .with(report.draining)
            .with(ttl);
        self.run(X::bound(put)).await
    }

    async fn remove_worker(&mut self, worker: WorkerId) -> Fallible<()> {
        self.run(X::bound(Statement::new(X::TEXTS.fleet.remove).with(worker))).await
    }
}

#[async_trait]
impl<D: Reading> FleetReads for D {
    async fn list_workers(&self) -> Fallible<Vec<WorkerView>> {
        list(self, Statement::new(D::TEXTS.fleet.list), columns::worker).await
    }

    async fn list_fleet_senders(&self, which: &Which) -> Fallible<Vec<Sender>> {
        let statement = match which {
            Which::Active => Statement::new(D::TEXTS.fleet.list_active_senders),
            Which::Id(id) => Statement::new(D::TEXTS.fleet.list_senders_by_id).with(*id),
            Which::Phone(phone) => Statement::new(D::TEXTS.fleet.list_senders_by_phone).with(phone.as_e164()),
        };
        list(self, statement, columns::sender).await
    }

    async fn count_leases(&self) -> Fallible<Vec<(WorkerId, u32)>> {
        list(self, Statement::new(D::TEXTS.fleet.count_leases), columns::leases_held).await
    }

    async fn count_shared_senders(&self, channels: &[ChannelKind]) -> Fallible<u32> {
        let count = Statement::new(D::TEXTS.fleet.count_shared_senders).with(Value::Channels(channels));
        Ok(find(self, count, columns::sender_count).await?.unwrap_or(0))
    }
}
