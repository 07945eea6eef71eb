//! One queue: a single active consumer with successors behind it, a prefetch, and redelivery in the old order.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use paceline_queue::{Acker, Delivery, QueueError, QueueResult};
use tokio::sync::{Notify, OwnedSemaphorePermit, oneshot};

use crate::depth::Depth;

/// One queue of `T`.
pub(crate) struct Line<T> {
    state: Mutex<State<T>>,
    // Tells consumers that the state has changed. They look at the state before they wait, so that no call is missed.
    changed: Notify,
    depth: Depth,
}

struct State<T> {
    next_tag: u64,
    // By tag, the order of arrival: what comes back takes its old place, in front of what came later.
    waiting: BTreeMap<u64, Entry<T>>,
    // All held by the active consumer: a successor becomes active only after these have come back.
    unanswered: BTreeMap<u64, Entry<T>>,
    // The first one is active.
    seats: VecDeque<Seat>,
    next_seat: u64,
    removed: bool,
}

struct Entry<T> {
    body: T,
    redelivered: bool,
    // Of a publisher that waits until its entry is acknowledged.
    hold: Option<Hold>,
}

/// What an entry of a waiting publisher carries until it is acknowledged.
pub(crate) struct Hold {
    /// The place it takes; free again when this is dropped.
    pub(crate) room: OwnedSemaphorePermit,
    /// Told when the entry was acknowledged; dropped untold when it never will be.
    pub(crate) acknowledged: oneshot::Sender<()>,
}

struct Seat {
    number: u64,
    prefetch: usize,
}

impl<T: Clone + Send + 'static> Line<T> {
    pub(crate) fn new(depth: Depth) -> Arc<Self> {
        let state = State {
            next_tag: 0,
            waiting: BTreeMap::new(),
            unanswered: BTreeMap::new(),
            seats: VecDeque::new(),
            next_seat: 0,
            removed: false,
        };
        Arc::new(Self { state: Mutex::new(state), changed: Notify::new(), depth })
    }

    /// Adds an entry, unless `limit` entries wait besides those that the active consumer has room for.
    pub(crate) fn offer(&self, body: T, limit: usize) -> Offer {
        let mut state = self.lock();
        if state.removed {
            return Offer::Removed;
        }
        if state.waiting.len() >= limit.saturating_add(state.free_prefetch()) {
            return Offer::Full;
        }
        state.push(body, None);
        drop(state);
        self.depth.waiting.inc();
        self.changed.notify_waiters();
        Offer::Taken
    }

    /// Adds an entry that somebody waits for.
    pub(crate) fn push(&self, body: T, hold: Hold) {
        self.lock().push(body, Some(hold));
        self.depth.waiting.inc();
        self.changed.notify_waiters();
    }

    /// A consumer behind those that are there.
    pub(crate) fn consume(self: &Arc<Self>, prefetch: usize) -> LineConsumer<T> {
        let mut state = self.lock();
        let number = state.next_seat;
        state.next_seat += 1;
        state.seats.push_back(Seat { number, prefetch });
        drop(state);
        LineConsumer { line: Arc::clone(self), seat: number }
    }

    /// Ends the queue with what is in it; its consumers end.
    pub(crate) fn remove(&self) {
        let mut state = self.lock();
        state.removed = true;
        let (waiting, unanswered) = (count(state.waiting.len()), count(state.unanswered.len()));
        state.waiting.clear();
        state.unanswered.clear();
        drop(state);
        self.depth.waiting.sub(waiting);
        self.depth.unanswered.sub(unanswered);
        self.changed.notify_waiters();
    }

    fn answer(&self, seat: u64, tag: u64, answer: Answer) -> QueueResult<()> {
        let mut state = self.lock();
        let entry = if state.is_active(seat) { state.unanswered.remove(&tag) } else { None };
        let Some(entry) = entry else {
            return Err(QueueError::Unavailable { reason: "the consumer has ended".to_owned(), source: None });
        };
        self.depth.unanswered.dec();
        match answer {
            Answer::GiveBack => {
                state.waiting.insert(tag, Entry { redelivered: true, ..entry });
                self.depth.waiting.inc();
            }
            Answer::Ack => {
                if let Some(Hold { room, acknowledged }) = entry.hold {
                    drop(room);
                    // A publisher that was broken off waits no more.
                    let _ = acknowledged.send(());
                }
            }
        }
        drop(state);
        self.changed.notify_waiters();
        Ok(())
    }

    fn leave(&self, seat: u64) {
        let mut state = self.lock();
        if state.is_active(seat) {
            let back = std::mem::take(&mut state.unanswered);
            self.depth.unanswered.sub(count(back.len()));
            self.depth.waiting.add(count(back.len()));
            state.waiting.extend(back.into_iter().map(|(tag, entry)| (tag, Entry { redelivered: true, ..entry })));
        }
        state.seats.retain(|other| other.number != seat);
        drop(state);
        self.changed.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nothing between lock and unlock panics half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn push(&mut self, body: T, hold: Option<Hold>) {
        self.waiting.insert(self.next_tag, Entry { body, redelivered: false, hold });
        self.next_tag += 1;
    }

    fn is_active(&self, seat: u64) -> bool {
        self.seats.front().is_some_and(|active| active.number == seat)
    }

    fn free_prefetch(&self) -> usize {
        self.seats.front().map_or(0, |active| active.prefetch.saturating_sub(self.unanswered.len()))
    }
}

/// What became of an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offer {
    Taken,
    Full,
    Removed,
}

/// A consumer's place at a queue; dropping it gives back what it left unanswered.
pub(crate) struct LineConsumer<T: Clone + Send + 'static> {
    line: Arc<Line<T>>,
    seat: u64,
}

impl<T: Clone + Send + 'static> LineConsumer<T> {
    /// The next delivery; `None` when the queue was removed. Cancel-safe: an entry is taken and returned without a wait between.
    pub(crate) async fn next(&mut self) -> Option<Delivery<T>> {
        loop {
            let changed = self.line.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            match self.take() {
                Taken::Entry(delivery) => return Some(delivery),
                Taken::Removed => return None,
                Taken::Nothing => changed.await,
            }
        }
    }

    /// The next delivery, when one is at hand.
    pub(crate) fn next_at_hand(&mut self) -> Option<Delivery<T>> {
        match self.take() {
            Taken::Entry(delivery) => Some(delivery),
            Taken::Removed | Taken::Nothing => None,
        }
    }

    fn take(&self) -> Taken<T> {
        let mut state = self.line.lock();
        if state.removed {
            return Taken::Removed;
        }
        if !state.is_active(self.seat) || state.free_prefetch() == 0 {
            return Taken::Nothing;
        }
        let Some((tag, entry)) = state.waiting.pop_first() else { return Taken::Nothing };
        let acker = LineAcker { line: Arc::clone(&self.line), seat: self.seat, tag };
        let delivery = Delivery::new(entry.body.clone(), entry.redelivered, Box::new(acker));
        state.unanswered.insert(tag, entry);
        drop(state);
        self.line.depth.waiting.dec();
        self.line.depth.unanswered.inc();
        Taken::Entry(delivery)
    }
}

impl<T: Clone + Send + 'static> Drop for LineConsumer<T> {
    fn drop(&mut self) {
        self.line.leave(self.seat);
    }
}

enum Taken<T> {
    Entry(Delivery<T>),
    Nothing,
    Removed,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Ack,
    GiveBack,
}

struct LineAcker<T> {
    line: Arc<Line<T>>,
    // Which consumer took it: the answer of one that has ended must not count for its successor's delivery.
    seat: u64,
    tag: u64,
}

#[async_trait]
impl<T: Clone + Send + 'static> Acker for LineAcker<T> {
    async fn ack(self: Box<Self>) -> QueueResult<()> {
        self.line.answer(self.seat, self.tag, Answer::Ack)
    }

    async fn give_back(self: Box<Self>) -> QueueResult<()> {
        self.line.answer(self.seat, self.tag, Answer::GiveBack)
    }
}

fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
