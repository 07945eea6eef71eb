//! Worker processes.

use std::time::Duration;

use paceline_domain::{ChannelKind, SenderState, WorkerId};
use paceline_store::{
    fleet::{Which, WorkerReport, WorkerView},
    senders::Sender,
};

use super::Memory;

impl Memory {
    pub(crate) fn report_worker(&mut self, report: WorkerReport, ttl: Duration) {
        let (now, until) = (self.now, self.after(ttl));
        self.workers.retain(|id, (_, until)| *until > now || *id == report.id);
        let started_at = self.workers.get(&report.id).map_or(now, |(view, _)| view.started_at);
        self.workers.insert(report.id, (WorkerView { report, started_at, seen_at: now }, until));
    }

    pub(crate) fn remove_worker(&mut self, worker: WorkerId) {
        self.workers.remove(&worker);
    }

    pub(crate) fn list_workers(&self) -> Vec<WorkerView> {
        let living = self.workers.values().filter(|(_, until)| *until > self.now);
        let mut living: Vec<WorkerView> = living.map(|(view, _)| view.clone()).collect();
        living.sort_by_key(|view| (view.started_at, view.report.id));
        living
    }

    pub(crate) fn list_fleet_senders(&self, which: &Which) -> Vec<Sender> {
        let wanted = |sender: &Sender| match which {
            Which::Active => sender.state == SenderState::Active,
            Which::Id(id) => sender.state != SenderState::Removed && sender.id == *id,
            Which::Phone(phone) => sender.state != SenderState::Removed && sender.phone == *phone,
        };
        let mut found: Vec<Sender> =
            self.senders.values().filter(|row| wanted(&row.sender)).map(|row| row.view(self.now)).collect();
        found.sort_by_key(|sender| (sender.created_at, sender.id));
        found
    }

    pub(crate) fn count_leases(&self) -> Vec<(WorkerId, u32)> {
        let mut counts = std::collections::BTreeMap::new();
        for lease in self.senders.values().filter(|row| row.is_held(self.now)).filter_map(|row| row.lease) {
            *counts.entry(lease.worker).or_insert(0) += 1;
        }
        counts.into_iter().collect()
    }

    pub(crate) fn count_shared_senders(&self, channels: &[ChannelKind]) -> u32 {
        let pinned = |sender: &Sender| {
            self.workers.values().any(|(view, until)| *until > self.now && view.report.pinned == Some(sender.id))
        };
        let shared = self.senders.values().map(|row| &row.sender).filter(|sender| {
            sender.state == SenderState::Active && channels.contains(&sender.channel) && !pinned(sender)
        });
        u32::try_from(shared.count()).unwrap_or(u32::MAX)
    }
}
