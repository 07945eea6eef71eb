//! One state of the whole: rows, broker, workers, and what the network has seen.

use paceline_domain::{CampaignState, MessageState};

/// A state of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct World {
    pub(crate) messages: [Message; 2],
    pub(crate) workers: [Worker; 2],
    /// The lease in the store: its epoch, and whether it has not run out.
    pub(crate) epoch: u8,
    pub(crate) live: bool,
    pub(crate) campaign: CampaignState,
    /// How many faults may still happen.
    pub(crate) faults: u8,
    /// What no state shows by itself: an intent under an epoch that was not the lease's, a move back.
    pub(crate) old_intent: bool,
    pub(crate) went_back: bool,
}

/// One message, wherever it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Message {
    pub(crate) state: MessageState,
    pub(crate) released: bool,
    pub(crate) generation: u8,
    /// How many attempts there were; the epoch that holds the last one, and how it ended.
    pub(crate) attempts: u8,
    pub(crate) holder: u8,
    pub(crate) outcome: Option<End>,
    pub(crate) replies: u8,
    /// What the broker may deliver, a bit each: jobs by generation, and results.
    pub(crate) jobs: u8,
    pub(crate) results: u32,
    /// What each worker has in hand.
    pub(crate) hands: [Hand; 2],
    /// The ids under which the network took it, a bit each; how many copies the person saw, two standing for more; and
    /// whether the news of it, a receipt and a reply, was acknowledged.
    pub(crate) ids: u8,
    pub(crate) copies: u8,
    pub(crate) acknowledged: bool,
}

/// A process with the epoch that it believes to hold, 0 for none. It freezes and wakes without a step: it may rest anywhere
/// while others go on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Worker {
    pub(crate) epoch: u8,
    pub(crate) settled: bool,
}

/// How far a worker has got with an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Hand {
    Empty,
    /// Leave to send it, and whether bytes of it may have left before.
    Granted(u8, bool),
    /// The lease had time; only the bytes are left, however long they take to go.
    Cleared(u8, bool),
    /// The end is known to the worker alone.
    Told(u8, End),
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum End {
    Sent,
    Unsent,
    Unknown,
}

/// Results are bits: three for each attempt, by how it ended; and this for the news of a message.
pub(crate) const NEWS: u32 = 1 << 31;

pub(crate) const fn result_of(attempt: u8, end: End) -> u32 {
    1 << (3 * attempt + end as u8)
}

impl World {
    /// Two accepted messages, and nothing else yet.
    pub(crate) fn start(faults: u8) -> Self {
        let (state, hands, [released, acknowledged], outcome) =
            (MessageState::Waiting, [Hand::Empty; 2], [false; 2], None);
        let ([generation, attempts, holder, replies, jobs, ids, copies], results) = ([0; 7], 0);
        #[rustfmt::skip]
        let message = Message {
            state, released, generation, attempts, holder, outcome, replies, jobs, results, hands, ids, copies, acknowledged,
        };
        let (messages, workers, campaign) = ([message; 2], [Worker::default(); 2], CampaignState::Running);
        Self { messages, workers, epoch: 0, live: false, campaign, faults, old_intent: false, went_back: false }
    }

    pub(crate) fn holds_lease(&self, worker: usize) -> bool {
        self.live && self.workers[worker].epoch == self.epoch
    }

    /// A worker has crashed or given up, and begins anew.
    pub(crate) fn restart(&mut self, worker: usize) {
        self.workers[worker] = Worker::default();
        self.messages.iter_mut().for_each(|it| it.hands[worker] = Hand::Empty);
    }

    /// Makes equals equal: what cannot matter any more is forgotten, and what is interchangeable has one order.
    pub(crate) fn tidy(&mut self) {
        for it in self.messages.iter_mut().filter(|it| it.state != MessageState::Sending) {
            (it.holder, it.outcome) = (0, None);
            it.jobs = if it.state == MessageState::Waiting { it.jobs } else { 0 };
        }
        if self.workers[1] < self.workers[0] {
            self.workers.swap(0, 1);
            self.messages.iter_mut().for_each(|it| it.hands.swap(0, 1));
        }
        self.messages.sort_unstable();
    }

    /// Grows with every step, so that no run goes in a circle: faults are spent; between two of them what is only ever added to
    /// grows; and while nothing is added to, what is under way gets less.
    pub(crate) fn progress(&self) -> (u8, u8, u32) {
        let added = self.messages.iter().map(|it| it.generation + it.attempts + it.replies).sum::<u8>();
        let worker = |it: &Worker| u32::from(it.epoch > 0) * if it.settled { 1 } else { 20 };
        let workers = self.workers.iter().map(worker).sum::<u32>() + u32::from(self.live);
        let messages: u32 = self.messages.iter().map(Message::under_way).sum();
        (u8::MAX - self.faults, added + self.epoch, u32::MAX - workers - messages)
    }
}

impl Message {
    fn under_way(&self) -> u32 {
        let hand = |hand: &Hand| match hand {
            Hand::Empty => 0,
            Hand::Told(..) => 3,
            Hand::Cleared(..) => 4,
            Hand::Granted(..) => 5,
        };
        let state = [1, 2].get(self.state as usize).map_or(0, |weight| weight + u32::from(self.released));
        let queued = self.jobs.count_ones() + 2 * self.results.count_ones();
        state + queued + self.hands.iter().map(hand).sum::<u32>() + 4 * u32::from(!self.acknowledged)
    }
}
