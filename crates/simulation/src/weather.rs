//! How likely each fault is, in a thousand.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::chance::Chance;

/// The faults of a run, until it is calm.
#[derive(Debug, Clone, Default)]
pub(crate) struct Weather {
    /// Calls that the store does not take.
    pub(crate) store_refuses: u32,
    /// Transactions that are committed and whose answer is lost.
    pub(crate) store_forgets: u32,
    /// Calls that take a while.
    pub(crate) store_slow: u32,
    /// Transactions that are committed late, even when who asked has died.
    pub(crate) store_late: u32,
    /// Processes that are caught at a step that matters, between it and its answer.
    pub(crate) ambush: u32,
    /// Until when the store is away.
    pub(crate) store_away: Option<DateTime<Utc>>,
    /// Publishes whose confirms are lost: each message may arrive, now or later, or not.
    pub(crate) publish_fails: u32,
    /// Jobs that a full queue rejects.
    pub(crate) rejects: u32,
    /// Messages that the broker has twice.
    pub(crate) doubles: u32,
    /// Messages that are not handed out in their order.
    pub(crate) reorders: u32,
    /// Answers to deliveries that are lost, so that they come again.
    pub(crate) loses_acks: u32,
    /// Consumers that end without being asked.
    pub(crate) closes: u32,
    /// Until when the broker is away.
    pub(crate) broker_away: Option<DateTime<Utc>>,
    /// Sends that never reach the network.
    pub(crate) send_lost: u32,
    /// Sends that the network takes and whose answer is lost.
    pub(crate) answer_lost: u32,
    /// Sends that are slow.
    pub(crate) send_slow: u32,
    /// Sends that are turned away for now.
    pub(crate) unsent: u32,
    /// Sends that are turned away because the sender is too fast.
    pub(crate) throttled: u32,
    /// Sends that are refused for good.
    pub(crate) rejected: u32,
    /// Messages that are taken and fail later.
    pub(crate) fails_later: u32,
    /// Receipts that never come.
    pub(crate) receipt_lost: u32,
    /// Events that come twice, or whose acknowledgement is lost.
    pub(crate) event_doubled: u32,
    /// Sessions that cannot be opened at the moment.
    pub(crate) open_fails: u32,
    /// People who answer.
    pub(crate) replies: u32,
    /// Answers that are an opt-out word.
    pub(crate) opts_out: u32,
}

/// What becomes of a call to the store.
pub(crate) enum StoreFate {
    Prompt,
    Refused(Duration),
    Slow(Duration, Duration),
    AnswerLost(Duration),
    Late(Duration),
}

impl Weather {
    /// Some of the faults, each at a rate of its own.
    pub(crate) fn draw(chance: &mut Chance) -> Self {
        // A run in which everything goes wrong all the time gets nowhere; most have a few kinds of trouble.
        let intensity = chance.between(1, 4);
        let mut rate = |most: u32| {
            let present = chance.happens(550);
            if present { chance.between(1, most * intensity / 2 + 1) } else { 0 }
        };
        Self {
            store_refuses: rate(20),
            store_forgets: rate(25),
            store_slow: rate(200),
            store_late: rate(20),
            ambush: rate(16),
            store_away: None,
            publish_fails: rate(60),
            rejects: rate(40),
            doubles: rate(80),
            reorders: rate(150),
            loses_acks: rate(60),
            closes: rate(15),
            broker_away: None,
            send_lost: rate(40),
            answer_lost: rate(80),
            send_slow: rate(200),
            unsent: rate(60),
            throttled: rate(25),
            rejected: rate(25),
            fails_later: rate(30),
            receipt_lost: rate(100),
            event_doubled: rate(120),
            open_fails: rate(100),
            replies: rate(200),
            opts_out: rate(300),
        }
    }

    /// Only what people do: they answer, and ask not to be contacted.
    pub(crate) fn calm(&self) -> Self {
        Self { replies: self.replies, opts_out: self.opts_out, ..Self::default() }
    }

    pub(crate) fn store_fate(&self, now: DateTime<Utc>, chance: &mut Chance) -> StoreFate {
        if self.store_away.is_some_and(|until| until > now) || chance.happens(self.store_refuses) {
            StoreFate::Refused(chance.millis(0, 50))
        } else if chance.happens(self.store_forgets) {
            StoreFate::AnswerLost(chance.skewed(2_000))
        } else if chance.happens(self.store_late) {
            StoreFate::Late(chance.skewed(9_000))
        } else if chance.happens(self.store_slow) {
            StoreFate::Slow(chance.skewed(600), chance.skewed(600))
        } else {
            StoreFate::Prompt
        }
    }

    pub(crate) fn is_broker_away(&self, now: DateTime<Utc>) -> bool {
        self.broker_away.is_some_and(|until| until > now)
    }
}
