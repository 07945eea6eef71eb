//! The fleet: which worker processes live, and how the senders are shared among them.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{ChannelKind, PhoneNumber, SenderId, WorkerId};

use crate::{StoreResult, senders::Sender};

/// What a worker process says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerReport {
    /// The process; a new id at each start.
    pub id: WorkerId,
    /// The machine's name.
    pub host: String,
    /// The process id on that machine.
    pub pid: u32,
    /// The version of Paceline that it runs.
    pub version: String,
    /// The sender that it works for and no other, when one was named.
    pub pinned: Option<SenderId>,
    /// The most senders it works for.
    pub slots: u32,
    /// The channels that it has.
    pub channels: Vec<ChannelKind>,
    /// Where its own metrics and health are, as `host:port`.
    pub listen: Option<String>,
    /// Its resident memory, in bytes.
    pub resident_bytes: u64,
    /// Whether it gives its senders back and takes no more.
    pub draining: bool,
}

/// A worker process that lives, as others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerView {
    /// As it last reported itself.
    pub report: WorkerReport,
    /// When it first did, in real time.
    pub started_at: DateTime<Utc>,
    /// When it last did, in real time.
    pub seen_at: DateTime<Utc>,
}

/// Which senders of the installation are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// Every active one.
    Active,
    /// The one with this id.
    Id(SenderId),
    /// Those with this number, one for each channel at most.
    Phone(PhoneNumber),
}

/// Worker processes.
#[async_trait]
pub trait FleetStore: Send + Sync {
    /// Keeps what a worker says of itself. Unless it says so again, it counts as gone after `ttl` of real time.
    async fn report_worker(&self, report: WorkerReport, ttl: Duration) -> StoreResult<()>;

    /// Forgets a worker that has ended. Its leases are another matter.
    async fn remove_worker(&self, worker: WorkerId) -> StoreResult<()>;

    /// The workers that live, by the time of their first report.
    async fn list_workers(&self) -> StoreResult<Vec<WorkerView>>;

    /// Senders of the whole installation, by time of addition, removed ones left out.
    async fn list_fleet_senders(&self, which: Which) -> StoreResult<Vec<Sender>>;

    /// How many senders each process leases over the installation, by worker. Those that have gone silent count until their
    /// leases run out; those that lease nothing are left out.
    async fn count_leases(&self) -> StoreResult<Vec<(WorkerId, u32)>>;

    /// How many active senders of these channels there are for workers that take any: those that a living worker is
    /// pinned to are left out.
    async fn count_shared_senders(&self, channels: &[ChannelKind]) -> StoreResult<u32>;
}

/// How many senders a worker should hold, so that those who take any share them evenly: nobody more than its slots, and no
/// two differ by more than one unless the slots of the smaller one are full. The earlier report goes first where the
/// senders do not divide. Workers that have none of `me`'s channels are no partners of it.
pub fn fair_share(me: &WorkerReport, workers: &[WorkerView], senders: u32) -> u32 {
    if me.draining {
        return 0;
    }
    let partners = workers.iter().map(|view| &view.report).filter(|other| {
        let shares = other.channels.iter().any(|channel| me.channels.contains(channel));
        shares && other.pinned.is_none() && !other.draining
    });
    let mut slots: Vec<(u32, WorkerId)> = partners.map(|other| (other.slots, other.id)).collect();
    if !slots.iter().any(|&(_, id)| id == me.id) {
        slots.push((me.slots, me.id));
    }
    level(slots, senders).into_iter().find(|&(_, id)| id == me.id).map_or(0, |(share, _)| share)
}

/// Pours `senders` into the slots until all stand at one level or are full: the smallest first, each an equal part of what is left.
fn level(mut slots: Vec<(u32, WorkerId)>, senders: u32) -> Vec<(u32, WorkerId)> {
    let order: Vec<WorkerId> = slots.iter().map(|&(_, id)| id).collect();
    let place = |id: WorkerId| order.iter().position(|&other| other == id);
    // Among equals the latest first: what does not divide is left for the earlier ones.
    slots.sort_by_key(|&(slots, id)| (slots, std::cmp::Reverse(place(id))));
    let mut left = senders;
    let mut count = u32::try_from(slots.len()).unwrap_or(u32::MAX);
    for (slots, _) in &mut slots {
        *slots = (*slots).min(left / count.max(1));
        left -= *slots;
        count -= 1;
    }
    slots
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker(byte: u8, slots: u32) -> WorkerView {
        let report = WorkerReport {
            id: WorkerId::from_bytes([byte; 16]),
            host: "one".to_owned(),
            pid: 1,
            version: "0".to_owned(),
            pinned: None,
            slots,
            channels: vec![ChannelKind::Simulator],
            listen: None,
            resident_bytes: 0,
            draining: false,
        };
        WorkerView { report, started_at: DateTime::UNIX_EPOCH, seen_at: DateTime::UNIX_EPOCH }
    }

    fn shares(workers: &[WorkerView], senders: u32) -> Vec<u32> {
        workers.iter().map(|view| fair_share(&view.report, workers, senders)).collect()
    }

    #[test]
    fn senders_are_shared_evenly_and_the_earlier_ones_take_what_does_not_divide() {
        let workers = [worker(1, 100), worker(2, 100), worker(3, 100)];
        for (senders, expected) in [(9, [3, 3, 3]), (10, [4, 3, 3]), (11, [4, 4, 3]), (1, [1, 0, 0]), (0, [0, 0, 0])] {
            assert_eq!(shares(&workers, senders), expected, "{senders}");
        }
    }

    #[test]
    fn what_one_has_no_slots_for_goes_to_the_others() {
        let workers = [worker(1, 2), worker(2, 100), worker(3, 100)];
        assert_eq!(shares(&workers, 11), [2, 5, 4]);
        assert_eq!(shares(&workers, 1_000), [2, 100, 100], "never more than the slots");
    }

    #[test]
    fn shares_add_up_to_the_senders_whatever_the_slots() {
        for senders in 0..60 {
            let workers = [worker(1, 1), worker(2, 7), worker(3, 20), worker(4, 7)];
            assert_eq!(shares(&workers, senders).iter().sum::<u32>(), senders.min(35), "{senders}");
        }
    }

    #[test]
    fn draining_pinned_and_foreign_workers_are_no_partners() {
        let mut workers = [worker(1, 100), worker(2, 100), worker(3, 100), worker(4, 100)];
        workers[1].report.draining = true;
        workers[2].report.pinned = Some(SenderId::from_bytes([9; 16]));
        workers[3].report.channels = vec![ChannelKind::Cloud];
        assert_eq!(fair_share(&workers[0].report, &workers, 10), 10);
        assert_eq!(fair_share(&workers[1].report, &workers, 10), 0);
    }

    #[test]
    fn a_worker_that_is_not_listed_yet_counts_itself() {
        assert_eq!(fair_share(&worker(2, 100).report, &[worker(1, 100)], 10), 5);
    }
}
