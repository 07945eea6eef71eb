//! The account of a campaign: every planned message stands in exactly one bucket, at every moment.

use serde::{Deserialize, Serialize};

use crate::{MessageState, words::words};

words! {
    /// The buckets that partition the planned messages by their current state.
    pub enum Bucket("bucket") {
        /// Accepted by WhatsApp; includes delivered and read.
        Sent = "sent",
        /// Will not be delivered.
        Failed = "failed",
        /// Nobody knows.
        Unknown = "unknown",
        /// Too late.
        Expired = "expired",
        /// Will not be sent.
        Cancelled = "cancelled",
        /// Still to come; includes sending.
        Waiting = "waiting",
    }
}

impl From<MessageState> for Bucket {
    fn from(state: MessageState) -> Self {
        match state {
            MessageState::Waiting | MessageState::Sending => Self::Waiting,
            MessageState::Sent | MessageState::Delivered | MessageState::Read => Self::Sent,
            MessageState::Failed => Self::Failed,
            MessageState::Unknown => Self::Unknown,
            MessageState::Expired => Self::Expired,
            MessageState::Cancelled => Self::Cancelled,
        }
    }
}

/// How many messages stand where. `delivered` and `read` are parts of `sent`; `sending` is a part of `waiting`; `replied`
/// and `opted_out` are facts beside the states.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Message rows: everyone who is to be sent to.
    pub planned: i64,
    /// Accepted by WhatsApp, delivered and read ones included.
    pub sent: i64,
    /// Delivered, read ones included.
    pub delivered: i64,
    /// Read.
    pub read: i64,
    /// Answered, opt-outs included.
    pub replied: i64,
    /// Answered with an opt-out word.
    pub opted_out: i64,
    /// Failed.
    pub failed: i64,
    /// Of unknown outcome.
    pub unknown: i64,
    /// Too late.
    pub expired: i64,
    /// Cancelled.
    pub cancelled: i64,
    /// Still to come, sending ones included.
    pub waiting: i64,
    /// Being sent at this moment.
    pub sending: i64,
}

impl Account {
    /// Adds `count` messages that stand in `state`.
    pub fn add(&mut self, state: MessageState, count: i64) {
        match Bucket::from(state) {
            Bucket::Sent => self.sent += count,
            Bucket::Failed => self.failed += count,
            Bucket::Unknown => self.unknown += count,
            Bucket::Expired => self.expired += count,
            Bucket::Cancelled => self.cancelled += count,
            Bucket::Waiting => self.waiting += count,
        }
        match state {
            MessageState::Sending => self.sending += count,
            MessageState::Delivered => self.delivered += count,
            MessageState::Read => {
                self.delivered += count;
                self.read += count;
            }
            _ => {}
        }
    }

    /// Planned less the sum of the buckets: zero, or there is a defect.
    pub const fn imbalance(&self) -> i64 {
        self.planned - self.sent - self.failed - self.unknown - self.expired - self.cancelled - self.waiting
    }

    /// Whether every planned message stands in exactly one bucket.
    pub const fn is_balanced(&self) -> bool {
        self.imbalance() == 0
    }
}
