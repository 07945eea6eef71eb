//! The messages in hand, by lane and then by arrival.

use std::{collections::VecDeque, sync::Arc};

use paceline_domain::{Job, JobItem, Lane};
use paceline_queue::{Acker, Delivery};
use tokio::time::Instant;

use crate::report::ticket::Ticket;

/// One message in hand.
pub(crate) struct Item {
    pub(crate) job: JobItem,
    pub(crate) lane: Lane,
    pub(crate) ticket: Arc<Ticket>,
    /// When its job came, in real time.
    pub(crate) received_at: Instant,
}

/// The messages in hand. Bounded by the prefetch.
#[derive(Default)]
pub(crate) struct Backlog {
    lanes: [VecDeque<Item>; Lane::ALL.len()],
}

impl Backlog {
    /// Takes a job's messages up. Answers with the acker of a job that has none.
    pub(crate) fn take(&mut self, delivery: Delivery<Job>, now: Instant) -> Option<Box<dyn Acker>> {
        let (job, acker) = delivery.split();
        if job.items.is_empty() {
            return Some(acker);
        }
        let ticket = Arc::new(Ticket::new(job.items.len(), acker));
        let lane = job.lane;
        self.lane(lane).extend(job.items.into_iter().map(|job| Item {
            job,
            lane,
            ticket: Arc::clone(&ticket),
            received_at: now,
        }));
        None
    }

    /// The message that goes first.
    pub(crate) fn first(&self) -> Option<&Item> {
        self.lanes.iter().find_map(VecDeque::front)
    }

    /// Takes the message that goes first.
    pub(crate) fn pop(&mut self) -> Option<Item> {
        self.lanes.iter_mut().find_map(VecDeque::pop_front)
    }

    /// Puts a message back in front of its lane.
    pub(crate) fn put_back(&mut self, item: Item) {
        self.lane(item.lane).push_front(item);
    }

    pub(crate) fn len(&self) -> usize {
        self.lanes.iter().map(VecDeque::len).sum()
    }

    /// When the job that has been held longest came.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        self.lanes.iter().filter_map(|lane| lane.iter().map(|item| item.received_at).min()).min()
    }

    /// Takes what came at or before `than`.
    pub(crate) fn take_older(&mut self, than: Instant) -> Vec<Item> {
        let mut taken = Vec::new();
        for lane in &mut self.lanes {
            let (old, young): (VecDeque<_>, _) = lane.drain(..).partition(|item| item.received_at <= than);
            taken.extend(old);
            *lane = young;
        }
        taken
    }

    /// Takes everything.
    pub(crate) fn take_all(&mut self) -> Vec<Item> {
        self.lanes.iter_mut().flat_map(|lane| lane.drain(..)).collect()
    }

    fn lane(&mut self, lane: Lane) -> &mut VecDeque<Item> {
        let place = Lane::ALL.iter().position(|&other| other == lane).unwrap_or(Lane::ALL.len() - 1);
        &mut self.lanes[place]
    }
}
