//! How much happened in a run, so that a suite can show that it was worth running.

use chrono::TimeDelta;
use paceline_domain::{Bucket, MessageState};

use crate::{storm::StormFigures, world::World};

/// Figures of a run, or of many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Simulated time, in milliseconds.
    pub millis: u64,
    /// Accepted messages.
    pub messages: u64,
    /// Messages that ended as sent, delivered or read.
    pub sent: u64,
    /// Messages of unknown outcome.
    pub unknown: u64,
    /// Intents that were granted.
    pub intents: u64,
    /// How often bytes left.
    pub sends: u64,
    /// Sends of an id that the network had accepted before.
    pub repeats: u64,
    /// Writes that were refused for their epoch.
    pub fenced: u64,
    /// Results that the inbox dropped.
    pub duplicates: u64,
    /// Processes that were killed.
    pub kills: u64,
    /// Processes that were frozen.
    pub freezes: u64,
}

impl Figures {
    pub(crate) fn of(world: &World, storm: StormFigures, span: TimeDelta) -> Self {
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let tables = world.store.maps.look();
        let states = || tables.messages.values().map(|message| message.state);
        Self {
            millis: u64::try_from(span.num_milliseconds()).unwrap_or(0),
            messages: count(tables.messages.len()),
            sent: count(states().filter(|&state| Bucket::from(state) == Bucket::Sent).count()),
            unknown: count(states().filter(|&state| state == MessageState::Unknown).count()),
            intents: world.books.intents,
            sends: world.books.sends,
            repeats: world.network.arrivals - count(world.network.accepted.len()),
            fenced: world.books.fenced,
            duplicates: world.books.duplicates,
            kills: storm.kills,
            freezes: storm.freezes,
        }
    }

    /// These and those.
    pub fn add(&mut self, other: &Self) {
        self.millis += other.millis;
        self.messages += other.messages;
        self.sent += other.sent;
        self.unknown += other.unknown;
        self.intents += other.intents;
        self.sends += other.sends;
        self.repeats += other.repeats;
        self.fenced += other.fenced;
        self.duplicates += other.duplicates;
        self.kills += other.kills;
        self.freezes += other.freezes;
    }
}
