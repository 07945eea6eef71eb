//! The send's role: an intent before the first byte, an outcome after the last.

use std::collections::HashSet;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{
    Address, AttemptNumber, CampaignState, CancelReason, Content, Epoch, Generation, Lane, MessageId, MessageState,
    Outcome, SenderId, SenderState, SuppressionReason, SuppressionScope, WaId, WorkerId,
};
use paceline_pacing::{Draw, Pace, PaceState, Profile};

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
    /// One transaction: checks the lease's epoch and deadline, and whether the sender is active, decides about each message by [`decide`], and writes the
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

/// What an adapter reads about one message before an intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntentCandidate {
    /// The message.
    pub message: MessageId,
    /// Its state.
    pub state: MessageState,
    /// Its present release, `None` when it is not released or the release ran out.
    pub release: Option<Generation>,
    /// The sender it is bound to.
    pub sender: Option<SenderId>,
    /// Its lane.
    pub lane: Lane,
    /// The state of its campaign; `None` without one.
    pub campaign: Option<CampaignState>,
    /// Not to be sent after this.
    pub expires_at: Option<DateTime<Utc>>,
    /// The suppression of its recipient.
    pub suppression: Option<(SuppressionScope, SuppressionReason)>,
    /// How many attempts there were.
    pub attempts: AttemptNumber,
}

/// What follows from the decision about one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntentDecision {
    /// Write the attempt with this number; the message is `sending`.
    Intend(AttemptNumber),
    /// Give the claim back, for this refusal.
    GiveBack(Refusal),
    /// Cancel the message, for this refusal and reason.
    Cancel(Refusal, CancelReason),
    /// Expire the message.
    Expire,
    /// Change nothing.
    Leave,
}

/// Decides about the messages of an intent, in order, and spends the pace for each that is granted. `candidates[i]` is what was
/// read for `batch.items[i]`, `None` when there is no such message; `sender` says whether the sender is wanted at this moment. A message
/// that is named twice, as by a job of an older release beside one of the present release, is decided once: by the present one.
pub fn decide(
    batch: &IntentBatch,
    candidates: &[Option<IntentCandidate>],
    sender: SenderState,
    pace: Pace<'_>,
    state: &PaceState,
) -> (Vec<IntentDecision>, PaceState) {
    let mut state = state.clone();
    let mut decided = HashSet::new();
    let decisions = batch
        .items
        .iter()
        .zip(candidates)
        .map(|(&(_, generation), candidate)| {
            let Some(candidate) = candidate else { return IntentDecision::Leave };
            if decided.contains(&candidate.message) {
                return IntentDecision::Leave;
            }
            let decision = match decide_one(batch, candidate, generation, pace.left_today(&state, batch.now)) {
                IntentDecision::Intend(_) | IntentDecision::GiveBack(_) if sender != SenderState::Active => {
                    IntentDecision::GiveBack(Refusal::SenderHalted)
                }
                decision => decision,
            };
            if decision != IntentDecision::Leave {
                decided.insert(candidate.message);
            }
            if let IntentDecision::Intend(attempt) = decision {
                state = pace.spend(&state, Draw { message: candidate.message, attempt }, batch.now);
            }
            decision
        })
        .collect();
    (decisions, state)
}

fn decide_one(
    batch: &IntentBatch,
    candidate: &IntentCandidate,
    generation: Generation,
    left_today: Option<u32>,
) -> IntentDecision {
    let bound_here = candidate.sender == Some(batch.sender) && candidate.release == Some(generation);
    if candidate.state != MessageState::Waiting || !bound_here {
        return IntentDecision::Leave;
    }
    if let Some((scope, reason)) = candidate.suppression
        && (scope == SuppressionScope::All || candidate.lane == Lane::Campaign)
    {
        let reason = match reason {
            SuppressionReason::OptedOut => CancelReason::OptedOut,
            _ => CancelReason::Suppressed,
        };
        return IntentDecision::Cancel(Refusal::Suppressed, reason);
    }
    if candidate.expires_at.is_some_and(|expires_at| expires_at <= batch.now) {
        return IntentDecision::Expire;
    }
    match candidate.campaign {
        None | Some(CampaignState::Running) => {}
        Some(state @ CampaignState::Cancelled) => {
            return IntentDecision::Cancel(Refusal::CampaignNotRunning(state), CancelReason::CampaignCancelled);
        }
        Some(state) => return IntentDecision::GiveBack(Refusal::CampaignNotRunning(state)),
    }
    if left_today == Some(0) {
        return IntentDecision::GiveBack(Refusal::CapSpent);
    }
    IntentDecision::Intend(candidate.attempts + 1)
}

impl IntentDecision {
    /// The refusal that the worker is told, `None` when the message is granted.
    pub const fn refusal(self) -> Option<Refusal> {
        match self {
            Self::Intend(_) => None,
            Self::GiveBack(refusal) | Self::Cancel(refusal, _) => Some(refusal),
            Self::Expire => Some(Refusal::Expired),
            Self::Leave => Some(Refusal::Stale),
        }
    }
}
