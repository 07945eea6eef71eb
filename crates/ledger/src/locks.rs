//! Locks: the order in which they are taken, and the handle that stands for a locked row.
//!
//! A transaction of a database that runs many at once (PostgreSQL, READ COMMITTED) sees in each statement what was committed before that
//! statement began. So what a transaction decides by, it locks first; of the locked row it believes what the locking statement
//! itself returned, and of everything else what a later statement reads. That holds by construction: whatever changes a row asks for
//! its [`Locked`] handle, and only a `lock_…` statement gives one, with that row's own columns and no others.
//!
//! Nobody waits for a lock of a [`Line`] while holding one of a later line. Statements that cannot keep to that skip what others hold
//! and so never wait. A batch of results writes outcomes and suppressions while it holds messages, and locks more messages after them:
//! outcomes to attempts of messages that it holds, for one statement, suppressions behind gates that it has closed, so nobody waits
//! there for it who holds what it will ask for.

use std::ops::Deref;

/// The order of locks, first to last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Line {
    /// Dead letters: new ones by digest, or the one that is replayed.
    DeadLetters,
    /// The ids of the inbox, in order.
    Inbox,
    /// The row of the rounds of releasing.
    Rounds,
    /// Campaigns by id.
    Campaigns,
    /// Uploads.
    Uploads,
    /// A number of a channel, while it is added.
    Numbers,
    /// Senders by id.
    Senders,
    /// The gates of campaigns, then of people.
    Gates,
    /// Suppressions, behind the closed gates of their people.
    Suppressions,
    /// Messages by `seq`.
    Messages,
    /// Attempts by `seq`.
    Attempts,
    /// Webhook deliveries by id.
    Deliveries,
    /// Webhook endpoints by id, to note how they answer, or to remove them.
    Standings,
    /// The webhook endpoints of a workspace: kept while deliveries to them are written, closed while one is removed.
    Endpoints,
    /// Counters by key, at the very end.
    Counters,
}

/// How far a transaction has come in the order of locks. For databases that check it.
#[derive(Debug, Default)]
pub struct Order(Option<Line>);

impl Order {
    /// Waits for a lock of `line`.
    ///
    /// # Panics
    /// When a lock of a later line is held: another transaction that does the same the other way round would wait for this one, and
    /// this one for it.
    pub fn wait_for(&mut self, line: Line) {
        assert!(self.0.is_none_or(|held| held <= line), "{line:?} is waited for while {:?} is held", self.0);
        self.0 = Some(line);
    }
}

/// A row that the transaction has locked, as the locking statement read it.
///
/// Made by the statements of a database and by nothing else: it proves that nobody changes the row before the transaction ends.
#[derive(Debug)]
pub struct Locked<T>(T);

impl<T> Locked<T> {
    /// The handle to a row that a statement of the database has just locked. For databases only.
    pub const fn new(row: T) -> Self {
        Self(row)
    }
}

impl<T> Deref for Locked<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}
