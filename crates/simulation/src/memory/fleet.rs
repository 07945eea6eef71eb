//! Worker processes.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{ChannelKind, SenderState, WorkerId};
use paceline_ledger::{
    Fallible,
    rows::{FleetReads, FleetRows},
};
use paceline_store::{
    fleet::{Which, WorkerReport, WorkerView},
    senders::Sender,
};

use super::{Memory, Tables};

/// A worker, as it last reported itself.
#[derive(Debug, Clone)]
pub(super) struct WorkerEntry {
    view: WorkerView,
    expires_at: DateTime<Utc>,
}

impl Tables {
    fn living_workers(&self) -> impl Iterator<Item = &WorkerView> {
        self.workers.values().filter(|entry| entry.expires_at > self.now).map(|entry| &entry.view)
    }
}

#[async_trait]
impl FleetRows for Tables {
    async fn remove_silent_workers(&mut self, but: WorkerId) -> Fallible<()> {
        let silent = self.workers.iter().filter(|(id, entry)| **id != but && entry.expires_at <= self.now);
        let silent: Vec<WorkerId> = silent.map(|(id, _)| *id).collect();
        self.workers.remove_all(silent);
        Ok(())
    }

    async fn put_worker(&mut self, report: &WorkerReport, ttl: Duration) -> Fallible<()> {
        let (now, expires_at) = (self.now, self.after(ttl));
        let view = match self.workers.get(&report.id) {
            None => WorkerView { report: report.clone(), started_at: now, seen_at: now },
            Some(WorkerEntry { view, .. }) => {
                let WorkerReport { host, version, pid, pinned, .. } = view.report.clone();
                let report = WorkerReport { host, version, pid, pinned, ..report.clone() };
                WorkerView { report, started_at: view.started_at, seen_at: now }
            }
        };
        self.workers.put(report.id, WorkerEntry { view, expires_at });
        Ok(())
    }

    async fn remove_worker(&mut self, worker: WorkerId) -> Fallible<()> {
        self.workers.remove(&worker);
        Ok(())
    }
}

#[async_trait]
impl FleetReads for Memory {
    async fn list_workers(&self) -> Fallible<Vec<WorkerView>> {
        let mut living: Vec<WorkerView> = self.read().await?.living_workers().cloned().collect();
        living.sort_unstable_by_key(|view| (view.started_at, view.report.id));
        Ok(living)
    }

    async fn list_fleet_senders(&self, which: &Which) -> Fallible<Vec<Sender>> {
        let is_meant = |sender: &Sender| match which {
            Which::Active => sender.state == SenderState::Active,
            Which::Id(id) => sender.state != SenderState::Removed && sender.id == *id,
            Which::Phone(phone) => sender.state != SenderState::Removed && sender.phone == *phone,
        };
        let tables = self.read().await?;
        let found = tables.list_senders_by_age(|entry| is_meant(&entry.sender));
        Ok(found.into_iter().map(|entry| tables.view_sender(entry)).collect())
    }

    async fn count_leases(&self) -> Fallible<Vec<(WorkerId, u32)>> {
        let tables = self.read().await?;
        let mut counts = BTreeMap::new();
        for holder in tables.senders.values().filter_map(|entry| entry.holder(tables.now)) {
            *counts.entry(holder.worker).or_insert(0) += 1;
        }
        Ok(counts.into_iter().collect())
    }

    async fn count_shared_senders(&self, channels: &[ChannelKind]) -> Fallible<u32> {
        let tables = self.read().await?;
        let is_pinned = |sender: &Sender| tables.living_workers().any(|view| view.report.pinned == Some(sender.id));
        let shared = tables.senders.values().map(|entry| &entry.sender).filter(|sender| {
            sender.state == SenderState::Active && channels.contains(&sender.channel) && !is_pinned(sender)
        });
        Ok(u32::try_from(shared.count()).unwrap_or(u32::MAX))
    }
}
