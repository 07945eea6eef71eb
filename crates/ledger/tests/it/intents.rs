//! The decision about each message of an intent.

use chrono::{DateTime, TimeDelta, Utc};
use paceline_domain::{
    CampaignState, CancelReason, Epoch, Generation, Lane, MessageId, MessageState, SenderId, SenderState,
    SuppressionReason, SuppressionScope, WorkerId,
};
use paceline_ledger::{IntentCandidate, IntentDecision, decide};
use paceline_pacing::{Draw, Pace, PaceState, Profile, Seed};
use paceline_store::intents::{IntentBatch, Refusal};

fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_772_452_800, 0).expect("a time in range")
}

fn message(number: u8) -> MessageId {
    MessageId::from_bytes([number; 16])
}

fn sender() -> SenderId {
    SenderId::from_bytes([200; 16])
}

fn batch(profile: Profile, count: u8) -> IntentBatch {
    IntentBatch {
        sender: sender(),
        epoch: Epoch(1),
        worker: WorkerId::from_bytes([201; 16]),
        now: noon(),
        profile,
        items: (0..count).map(|number| (message(number), Generation(3))).collect(),
        pace_inputs: serde_json::Value::Null,
    }
}

fn candidate(number: u8) -> IntentCandidate {
    IntentCandidate {
        message: message(number),
        state: MessageState::Waiting,
        release: Some(Generation(3)),
        sender: Some(sender()),
        lane: Lane::Campaign,
        campaign: Some(CampaignState::Running),
        expires_at: None,
        suppression: None,
        attempts: 0,
    }
}

fn decide_all(profile: &Profile, candidates: &[Option<IntentCandidate>], state: &PaceState) -> Vec<IntentDecision> {
    let count = u8::try_from(candidates.len()).expect("a test has few messages");
    let batch = batch(profile.clone(), count);
    decide(&batch, candidates, SenderState::Active, pace(profile), state).0
}

fn pace(profile: &Profile) -> Pace<'_> {
    Pace { profile, zone: chrono_tz::UTC, seed: Seed(5) }
}

/// The decision about one message, with whether it left the pace alone.
fn decision(candidate: IntentCandidate) -> IntentDecision {
    let profile = Profile::gentle();
    let state = PaceState::default();
    let (decisions, after) =
        decide(&batch(profile.clone(), 1), &[Some(candidate)], SenderState::Active, pace(&profile), &state);
    let intended = matches!(decisions[0], IntentDecision::Intend(_));
    assert_eq!(after != state, intended, "the pace is spent with an intent and with nothing else");
    decisions[0]
}

#[test]
fn a_message_as_it_should_be_is_intended_with_the_next_attempt() {
    assert_eq!(decision(candidate(0)), IntentDecision::Intend(1));
    assert_eq!(decision(IntentCandidate { attempts: 4, ..candidate(0) }), IntentDecision::Intend(5));
    assert_eq!(decision(IntentCandidate { campaign: None, ..candidate(0) }), IntentDecision::Intend(1));
}

#[test]
fn what_is_not_waiting_for_this_sender_and_release_is_left_alone() {
    let elsewhere = SenderId::from_bytes([9; 16]);
    let stale = [
        IntentCandidate { release: None, ..candidate(0) },
        IntentCandidate { release: Some(Generation(2)), ..candidate(0) },
        IntentCandidate { release: Some(Generation(4)), ..candidate(0) },
        IntentCandidate { sender: None, ..candidate(0) },
        IntentCandidate { sender: Some(elsewhere), ..candidate(0) },
    ];
    for candidate in stale {
        assert_eq!(decision(candidate), IntentDecision::Leave);
    }
    for &state in MessageState::ALL.iter().filter(|&&state| state != MessageState::Waiting) {
        assert_eq!(decision(IntentCandidate { state, ..candidate(0) }), IntentDecision::Leave, "{state}");
    }
    assert_eq!(decide_all(&Profile::unlimited(), &[None], &PaceState::default()), [IntentDecision::Leave]);
}

#[test]
fn staleness_comes_before_every_consequence() {
    let stale = IntentCandidate {
        release: None,
        campaign: Some(CampaignState::Cancelled),
        expires_at: Some(noon()),
        suppression: Some((SuppressionScope::All, SuppressionReason::OptedOut)),
        ..candidate(0)
    };
    assert_eq!(decision(stale), IntentDecision::Leave);
}

#[test]
fn a_suppressed_recipient_cancels_the_message_with_the_reason_of_the_suppression() {
    for &reason in SuppressionReason::ALL {
        let suppressed = IntentCandidate { suppression: Some((SuppressionScope::All, reason)), ..candidate(0) };
        let expected =
            if reason == SuppressionReason::OptedOut { CancelReason::OptedOut } else { CancelReason::Suppressed };
        assert_eq!(decision(suppressed), IntentDecision::Cancel(Refusal::Suppressed, expected));
    }
}

#[test]
fn a_marketing_suppression_binds_the_campaign_lane_only() {
    let suppression = Some((SuppressionScope::Marketing, SuppressionReason::Manual));
    for &lane in Lane::ALL {
        let decided = decision(IntentCandidate { lane, suppression, campaign: None, ..candidate(0) });
        let cancelled = IntentDecision::Cancel(Refusal::Suppressed, CancelReason::Suppressed);
        assert_eq!(decided, if lane == Lane::Campaign { cancelled } else { IntentDecision::Intend(1) }, "{lane}");
    }
}

#[test]
fn a_message_expires_at_its_time_and_not_before() {
    let at = |expires_at| decision(IntentCandidate { expires_at: Some(expires_at), ..candidate(0) });
    assert_eq!(at(noon()), IntentDecision::Expire);
    assert_eq!(at(noon() - TimeDelta::hours(1)), IntentDecision::Expire);
    assert_eq!(at(noon() + TimeDelta::microseconds(1)), IntentDecision::Intend(1));
}

#[test]
fn only_a_running_campaign_sends() {
    for &state in CampaignState::ALL {
        let refusal = Refusal::CampaignNotRunning(state);
        let expected = match state {
            CampaignState::Running => IntentDecision::Intend(1),
            CampaignState::Cancelled => IntentDecision::Cancel(refusal, CancelReason::CampaignCancelled),
            _ => IntentDecision::GiveBack(refusal),
        };
        assert_eq!(decision(IntentCandidate { campaign: Some(state), ..candidate(0) }), expected);
    }
}

#[test]
fn the_cap_is_spent_in_order_and_refusals_spend_nothing() {
    let profile = Profile { daily_cap: Some(3), ..Profile::unlimited() };
    let state = PaceState { next_slot: None, day: Some(noon().date_naive()), spent_today: 1 };
    let paused = IntentCandidate { campaign: Some(CampaignState::Paused), ..candidate(1) };
    let candidates = [candidate(0), paused, candidate(2), candidate(3), candidate(4)].map(Some);
    let expected = [
        IntentDecision::Intend(1),
        IntentDecision::GiveBack(Refusal::CampaignNotRunning(CampaignState::Paused)),
        IntentDecision::Intend(1),
        IntentDecision::GiveBack(Refusal::CapSpent),
        IntentDecision::GiveBack(Refusal::CapSpent),
    ];
    assert_eq!(decide_all(&profile, &candidates, &state), expected);
    let yesterday = PaceState { day: noon().date_naive().pred_opt(), spent_today: 3, ..state };
    assert_eq!(decide_all(&profile, &candidates[..1], &yesterday), [IntentDecision::Intend(1)]);
}

#[test]
fn the_pace_is_spent_for_each_granted_message_in_turn() {
    let profile = Profile::brisk();
    let pace = pace(&profile);
    let candidates = [candidate(0), candidate(1)].map(Some);
    let (_, after) = decide(&batch(profile.clone(), 2), &candidates, SenderState::Active, pace, &PaceState::default());
    let mut expected = PaceState::default();
    for number in 0..2 {
        expected = pace.spend(&expected, Draw { message: message(number), attempt: 1 }, noon());
    }
    assert_eq!(after, expected);
    assert_eq!(after.spent_today, 2);
}

#[test]
fn each_decision_tells_the_worker_one_refusal_or_none() {
    let refusals = [
        (IntentDecision::Intend(1), None),
        (IntentDecision::Leave, Some(Refusal::Stale)),
        (IntentDecision::Expire, Some(Refusal::Expired)),
        (IntentDecision::GiveBack(Refusal::CapSpent), Some(Refusal::CapSpent)),
        (IntentDecision::Cancel(Refusal::Suppressed, CancelReason::OptedOut), Some(Refusal::Suppressed)),
    ];
    for (decision, refusal) in refusals {
        assert_eq!(decision.refusal(), refusal);
    }
}
