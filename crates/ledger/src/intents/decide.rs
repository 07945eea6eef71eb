//! What an intent decides about each message, by what was locked and read.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use paceline_domain::{
    AttemptNumber, CampaignState, CancelReason, Generation, Lane, MessageId, MessageState, SenderId, SenderState,
    SuppressionReason, SuppressionScope,
};
use paceline_pacing::{Draw, Pace, PaceState};
use paceline_store::intents::{IntentBatch, Refusal};

/// What is known of one message before an intent.
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
