//! The results role: what workers report moves messages forward, once.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{MessageState, ResultBody, WorkerResult};
use serde::{Deserialize, Serialize};

use crate::StoreResult;

/// A result to apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultToApply {
    /// What the worker reported.
    pub result: WorkerResult,
    /// Whether an incoming message is, as a whole, an opt-out word.
    pub opt_out: OptOut,
}

impl ResultToApply {
    /// A result as it is judged: `asks` tells whether a text, as a whole, asks not to be contacted.
    pub fn judged(result: WorkerResult, asks: impl FnOnce(&str) -> bool) -> Self {
        let opt_out = match &result.body {
            ResultBody::Inbound(inbound) if asks(&inbound.text) => OptOut::Yes,
            _ => OptOut::No,
        };
        Self { result, opt_out }
    }
}

/// Whether an incoming message asks not to be contacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptOut {
    /// It does.
    Yes,
    /// It does not, or the result is no incoming message.
    No,
}

/// What a batch of results did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ApplySummary {
    /// Results that changed something.
    pub applied: u64,
    /// Results that the inbox had seen before.
    pub duplicates: u64,
    /// Results that came too late to change anything, or name a message that is not ours.
    pub stale: u64,
    /// People who opted out.
    pub opted_out: u64,
    /// Messages whose outcome is unknown from now on.
    pub unknown: u64,
    /// Receipts, and outcomes after all, that settled an unknown outcome.
    pub settled: u64,
    /// Receipts that overtook the outcome of their attempt.
    pub overtook: u64,
}

impl ApplySummary {
    /// Counts a result about a message that we sent, which moved it from one state to another.
    pub const fn count_outgoing(&mut self, body: &ResultBody, from: MessageState, to: MessageState) {
        match (body, from, to) {
            (_, MessageState::Sending, MessageState::Unknown) => self.unknown += 1,
            (_, MessageState::Unknown, _) => self.settled += 1,
            (ResultBody::Receipt(_), MessageState::Sending, _) => self.overtook += 1,
            _ => {}
        }
    }
}

/// Applying results: by the results role, and of incoming messages by the worker that they came to.
#[async_trait]
pub trait ResultStore: Send + Sync {
    /// One transaction: the inbox row of each result (seen before: nothing else happens), the forward-only moves of messages
    /// by `MessageState::after`, the counters, the events and their webhook deliveries. That a message was sent is believed of whoever
    /// says so; anything else counts only of the message's present attempt, and as its row has it. An incoming message is recorded as an event, counted as a reply to that sender's latest message to the person within seven days, and, when
    /// it opts out, suppresses the person (`all`, `opted_out`) and cancels their waiting messages. A session change is kept
    /// on the sender unless a later one is known; a sender that is not connected any more has its releases given back, so that
    /// others may send them meanwhile, and one that is banned its sticky messages unbound. A receipt that overtook the outcome
    /// makes the event of the acceptance too.
    async fn apply_results(&self, results: &[ResultToApply], now: DateTime<Utc>) -> StoreResult<ApplySummary>;
}
