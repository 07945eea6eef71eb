//! The broker in memory: durable once confirmed, at least once, in no certain order, and never sure who is listening.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use paceline_domain::{Job, SenderId, WorkerResult};
use paceline_queue::RESULT_SHARDS;
use tokio::sync::Notify;

use crate::chance::Chance;

/// The most jobs of a sender that wait.
const MAX_LENGTH: usize = 24;

/// Names a consumer for life.
pub(crate) type ConsumerId = u64;

/// All queues.
pub(crate) struct Broker {
    pub(crate) jobs: BTreeMap<SenderId, Line<Job>>,
    pub(crate) results: Vec<Line<Vec<WorkerResult>>>,
    consumers: ConsumerId,
}

/// One queue with a single active consumer.
pub(crate) struct Line<T> {
    ready: VecDeque<Entry<T>>,
    unanswered: BTreeMap<u64, (ConsumerId, Entry<T>)>,
    seats: VecDeque<Seat>,
    next_tag: u64,
    changed: Arc<Notify>,
}

/// A message in a queue.
#[derive(Clone)]
struct Entry<T> {
    body: T,
    redelivered: bool,
}

/// A consumer that is active or waits until it is.
struct Seat {
    consumer: ConsumerId,
    node: usize,
}

/// A message that was handed out.
pub(crate) struct Handed<T> {
    pub(crate) tag: u64,
    pub(crate) body: T,
    pub(crate) redelivered: bool,
}

/// Whether a queue took a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offer {
    Taken,
    Full,
}

impl Default for Broker {
    fn default() -> Self {
        let results = (0..RESULT_SHARDS).map(|_| Line::default()).collect();
        Self { jobs: BTreeMap::new(), results, consumers: 0 }
    }
}

impl Broker {
    /// A new consumer's name.
    pub(crate) const fn name_consumer(&mut self) -> ConsumerId {
        self.consumers += 1;
        self.consumers
    }

    /// Ends every consumer of a node: its connection is gone.
    pub(crate) fn cut_off(&mut self, node: usize) {
        self.jobs.values_mut().for_each(|line| line.close_those(|seat| seat.node == node));
        self.results.iter_mut().for_each(|line| line.close_those(|seat| seat.node == node));
    }

    /// Ends every consumer.
    pub(crate) fn cut_all_off(&mut self) {
        self.jobs.values_mut().for_each(|line| line.close_those(|_| true));
        self.results.iter_mut().for_each(|line| line.close_those(|_| true));
    }

    /// Deletes every queue of jobs, with what is in it.
    pub(crate) fn delete_jobs(&mut self) {
        for (_, mut line) in std::mem::take(&mut self.jobs) {
            line.ready.clear();
            line.unanswered.clear();
            line.close_those(|_| true);
        }
    }
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self {
            ready: VecDeque::new(),
            unanswered: BTreeMap::new(),
            seats: VecDeque::new(),
            next_tag: 0,
            changed: Arc::new(Notify::new()),
        }
    }
}

impl<T: Clone> Line<T> {
    /// Takes a message, unless too many wait.
    pub(crate) fn offer(&mut self, body: T) -> Offer {
        if self.ready.len() >= MAX_LENGTH {
            return Offer::Full;
        }
        self.push(body);
        Offer::Taken
    }

    /// Takes a message, however many wait.
    pub(crate) fn push(&mut self, body: T) {
        self.ready.push_back(Entry { body, redelivered: false });
        self.changed.notify_waiters();
    }

    /// Puts a copy of a message that was handed out back, as if it had never been answered.
    fn again(&mut self, entry: Entry<T>) {
        self.ready.push_front(Entry { redelivered: true, ..entry });
        self.changed.notify_waiters();
    }

    /// Hands a message out to the active consumer. `out_of_order` picks another than the first.
    pub(crate) fn hand_out(
        &mut self,
        consumer: ConsumerId,
        prefetch: usize,
        out_of_order: Option<&mut Chance>,
    ) -> Option<Handed<T>> {
        let active = self.seats.front().is_some_and(|seat| seat.consumer == consumer);
        let held = self.unanswered.values().filter(|(holder, _)| *holder == consumer).count();
        if !active || held >= prefetch || self.ready.is_empty() {
            return None;
        }
        let place = out_of_order.map_or(0, |chance| chance.place(self.ready.len()));
        let entry = self.ready.remove(place)?;
        self.next_tag += 1;
        let tag = self.next_tag;
        let handed = Handed { tag, body: entry.body.clone(), redelivered: entry.redelivered };
        self.unanswered.insert(tag, (consumer, entry));
        Some(handed)
    }

    /// The consumer is done with a message. `false`: it is not its own any more.
    pub(crate) fn ack(&mut self, tag: u64) -> bool {
        let there = self.unanswered.remove(&tag).is_some();
        // The consumer may have waited for room in its prefetch.
        self.changed.notify_waiters();
        there
    }

    /// A message goes to another consumer, or comes again.
    pub(crate) fn give_back(&mut self, tag: u64) -> bool {
        let taken = self.unanswered.remove(&tag);
        let there = taken.is_some();
        if let Some((_, entry)) = taken {
            self.again(entry);
        }
        there
    }
}

impl<T> Line<T> {
    /// Tells when anything about the queue changes. To be asked for before looking at it.
    pub(crate) fn changed(&self) -> Arc<Notify> {
        Arc::clone(&self.changed)
    }

    pub(crate) fn seat(&mut self, consumer: ConsumerId, node: usize) {
        self.seats.push_back(Seat { consumer, node });
    }

    /// Whether a consumer has not been ended.
    pub(crate) fn is_seated(&self, consumer: ConsumerId) -> bool {
        self.seats.iter().any(|seat| seat.consumer == consumer)
    }

    /// Ends a consumer; what it left unanswered comes again.
    pub(crate) fn close(&mut self, consumer: ConsumerId) {
        self.close_those(|seat| seat.consumer == consumer);
    }

    fn close_those(&mut self, which: impl Fn(&Seat) -> bool) {
        let gone: Vec<_> = self.seats.iter().filter(|seat| which(seat)).map(|seat| seat.consumer).collect();
        self.seats.retain(|seat| !gone.contains(&seat.consumer));
        let theirs: Vec<u64> =
            self.unanswered.iter().filter(|(_, (consumer, _))| gone.contains(consumer)).map(|(tag, _)| *tag).collect();
        for tag in theirs.into_iter().rev() {
            if let Some((_, entry)) = self.unanswered.remove(&tag) {
                self.ready.push_front(Entry { redelivered: true, ..entry });
            }
        }
        self.changed.notify_waiters();
    }
}
