//! The send's role: an intent before the first byte, an outcome after the last.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{
    Address, AttemptNumber, CampaignState, Content, Epoch, Generation, MessageId, Outcome, SenderId, WaId, WorkerId,
};
use paceline_pacing::{PaceState, Profile};

use crate::{StoreResult, leases::Fenced};

/// Messages that a worker is about to send, from one sender, now.
#[derive(Debug, Clone, PartialEq)]
pub struct IntentBatch {
    /// The sender.
    pub sender: SenderId,
    /// The epoch of its lease.
    pub epoch: Epoch,
    /// The process.
    pub worker: WorkerId,
    /// Now, in campaign time: the time of the sends.
    pub now: DateTime<Utc>,
    /// The sender's profile.
    pub profile: Profile,
    /// The messages with the generation of the release that the worker was given, in order, at most 64.
    pub items: Vec<(MessageId, Generation)>,
    /// The inputs of the pacing decision, as JSON; kept with each attempt.
    pub pace_inputs: serde_json::Value,
}

/// The answer to an intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntentAnswer {
    /// The sender's pace after it.
    pub pace: PaceState,
    /// One entry for each message asked, in order.
    pub items: Vec<(MessageId, IntentVerdict)>,
}

/// What became of one message of an intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IntentVerdict {
    /// Send it: the attempt is durable.
    Granted(Grant),
    /// Do not.
    Refused(Refusal),
}

/// Leave to send one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The attempt.
    pub attempt: AttemptNumber,
    /// The message's WhatsApp id.
    pub wa_id: WaId,
    /// The recipient.
    pub to: Address,
    /// What to send.
    pub content: Content,
}

/// Why a message must not be sent now. The transaction has done what follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It is not waiting, or its release is not the one asked for. Nothing follows.
    Stale,
    /// Its campaign does not run: paused gives the claim back, cancelled cancels the message.
    CampaignNotRunning(CampaignState),
    /// The recipient must not be contacted: the message is cancelled.
    Suppressed,
    /// Its time has passed: the message is expired.
    Expired,
    /// The day's cap is spent: the claim is given back.
    CapSpent,
    /// The sender was paused or removed: the claim is given back.
    SenderHalted,
}

impl Refusal {
    /// The refusal's word, as counted.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stale => "stale",
            Self::CampaignNotRunning(_) => "campaign_not_running",
            Self::Suppressed => "suppressed",
            Self::Expired => "expired",
            Self::CapSpent => "cap_spent",
            Self::SenderHalted => "sender_halted",
        }
    }
}

/// The outcome of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptOutcome {
    /// The message.
    pub message: MessageId,
    /// The attempt.
    pub attempt: AttemptNumber,
    /// The lease epoch of whoever says so.
    pub epoch: Epoch,
    /// How it ended.
    pub outcome: Outcome,
    /// When, in campaign time.
    pub at: DateTime<Utc>,
}

/// An attempt whose message is still `sending`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenAttempt {
    /// The message.
    pub message: MessageId,
    /// The attempt.
    pub attempt: AttemptNumber,
    /// Its present epoch: of whoever recorded the outcome, or else of whoever adopts it now.
    pub epoch: Epoch,
    /// The message's WhatsApp id.
    pub wa_id: WaId,
    /// The recipient.
    pub to: Address,
    /// What was, or is, to be sent.
    pub content: Content,
    /// How it ended and when, when that is known: its result is to be published again. `None`: an orphaned intent, to be
    /// sent again with the same id, or reported unknown.
    pub outcome: Option<(Outcome, DateTime<Utc>)>,
}

/// Intents and outcomes.
#[async_trait]
pub trait IntentStore: Send + Sync {
    /// One transaction: checks the lease's epoch and deadline, and whether the sender is active, decides about each message, and writes the
    /// attempts, the messages' states, the counters, and the sender's pace; or nothing.
    async fn record_intents(&self, batch: IntentBatch) -> StoreResult<Fenced<IntentAnswer>>;

    /// Writes outcomes to their attempts, for any number of senders. The first outcome of an attempt stays. That a message was
    /// sent is the truth about the past, whoever says so; that it was not is taken only under the attempt's present epoch, for
    /// the next holder, which adopted the attempt, may be sending it. What is not taken is left out.
    async fn record_outcomes(&self, outcomes: &[AttemptOutcome]) -> StoreResult<()>;

    /// Takes over the sender's attempts that are still open, under the current epoch, before its first new send. Orphaned
    /// intents get the new epoch and one more in `sends`. Those whose recipient was suppressed since are not handed out for
    /// a resend: their outcome is recorded as unknown, and handed out as such.
    async fn adopt_attempts(
        &self,
        sender: SenderId,
        epoch: Epoch,
        worker: WorkerId,
        now: DateTime<Utc>,
    ) -> StoreResult<Fenced<Vec<OpenAttempt>>>;
}
