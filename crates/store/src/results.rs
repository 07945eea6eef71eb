//! The results role: what workers report moves messages forward, once.

use std::collections::HashMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{
    AttemptNumber, Epoch, FailureReason, MAX_ATTEMPTS, MessageId, MessageMove, MessageState, Outcome, ReceiptKind,
    ResultBody, WorkerResult,
};
use serde::{Deserialize, Serialize};

use crate::{StoreResult, intents::AttemptOutcome};

/// A result to apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultToApply {
    /// What the worker reported.
    pub result: WorkerResult,
    /// Whether an incoming message is, as a whole, an opt-out word.
    pub opt_out: OptOut,
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

/// Applying results.
#[async_trait]
pub trait ResultStore: Send + Sync {
    /// One transaction: the inbox row of each result (seen before: nothing else happens), the forward-only moves of messages
    /// by [`Ledger::settle`] and `MessageState::after`, the counters, the events and their webhook deliveries. An incoming message is
    /// recorded as an event, counted as a reply to that sender's latest message to the person within seven days, and, when
    /// it opts out, suppresses the person (`all`, `opted_out`) and cancels their waiting messages. A session change is kept
    /// on the sender unless a later one is known; a sender that is not connected any more has its releases given back, so that
    /// others may send them meanwhile, and one that is banned its sticky messages unbound. A receipt that overtook the outcome
    /// makes the event of the acceptance too.
    async fn apply_results(&self, results: &[ResultToApply], now: DateTime<Utc>) -> StoreResult<ApplySummary>;
}

/// What an outcome or a receipt means for a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// The move.
    pub happened: MessageMove,
    /// Why it failed, when it did.
    pub reason: Option<FailureReason>,
    /// Not to be tried again before this, when it waits again.
    pub not_before: Option<DateTime<Utc>>,
}

/// What the ledger holds about the messages that a batch of results is about.
#[derive(Debug, Default)]
pub struct Ledger(HashMap<MessageId, Vec<Entry>>);

/// An attempt that has ended, as the ledger has it.
#[derive(Debug)]
struct Entry {
    attempt: AttemptNumber,
    epoch: Epoch,
    outcome: Outcome,
}

impl Ledger {
    /// Adds an attempt that has ended.
    pub fn add(&mut self, message: MessageId, attempt: AttemptNumber, epoch: Epoch, outcome: Outcome) {
        self.0.entry(message).or_default().push(Entry { attempt, epoch, outcome });
    }

    /// What a reported outcome means for a message whose present attempt is `present`; `None`: nothing. That a message was sent is
    /// believed of whoever says so. Anything else counts only of the present attempt, and as the ledger has it, which knows who may
    /// say so.
    pub fn settle(&self, reported: &AttemptOutcome, present: AttemptNumber) -> Option<Settlement> {
        let AttemptOutcome { message, attempt, epoch, outcome, .. } = reported;
        if matches!(outcome, Outcome::Sent { .. }) {
            return Some(settle(outcome, 0));
        }
        let entries = self.0.get(message)?;
        let is_it = |entry: &&Entry| {
            (entry.attempt, entry.epoch) == (*attempt, *epoch) && entry.outcome.as_str() == outcome.as_str()
        };
        let entry = entries.iter().find(is_it).filter(|entry| entry.attempt == present)?;
        let refusals = entries.iter().filter(|entry| matches!(entry.outcome, Outcome::Unsent { .. })).count();
        Some(settle(&entry.outcome, AttemptNumber::try_from(refusals).unwrap_or(AttemptNumber::MAX)))
    }
}

/// What the outcome of an attempt means for a message. `refusals` counts the message's attempts that ended as
/// [`Outcome::Unsent`], this one included.
pub fn settle(outcome: &Outcome, refusals: AttemptNumber) -> Settlement {
    let settlement = |happened, reason, not_before| Settlement { happened, reason, not_before };
    match outcome {
        Outcome::Sent { .. } => settlement(MessageMove::Accept, None, None),
        Outcome::Rejected { reason } => settlement(MessageMove::Reject, Some(*reason), None),
        Outcome::Unsent { .. } if refusals >= MAX_ATTEMPTS => {
            settlement(MessageMove::Reject, Some(FailureReason::AttemptsExhausted), None)
        }
        Outcome::Unsent { not_before } | Outcome::Interrupted { not_before } => {
            settlement(MessageMove::Unsent, None, Some(*not_before))
        }
        Outcome::Unknown => settlement(MessageMove::Lose, None, None),
    }
}

/// What a receipt means for a message.
pub const fn settle_receipt(kind: ReceiptKind) -> Settlement {
    let (happened, reason) = match kind {
        ReceiptKind::Delivered => (MessageMove::Deliver, None),
        ReceiptKind::Read => (MessageMove::Read, None),
        ReceiptKind::Failed => (MessageMove::Reject, Some(FailureReason::Refused)),
    };
    Settlement { happened, reason, not_before: None }
}

/// The event that a move into `state` makes, `None` for the inner ones.
pub const fn event_of(state: MessageState) -> Option<paceline_domain::EventKind> {
    use paceline_domain::EventKind as E;
    match state {
        MessageState::Waiting | MessageState::Sending => None,
        MessageState::Sent => Some(E::MessageSent),
        MessageState::Delivered => Some(E::MessageDelivered),
        MessageState::Read => Some(E::MessageRead),
        MessageState::Failed => Some(E::MessageFailed),
        MessageState::Unknown => Some(E::MessageUnknown),
        MessageState::Expired => Some(E::MessageExpired),
        MessageState::Cancelled => Some(E::MessageCancelled),
    }
}
