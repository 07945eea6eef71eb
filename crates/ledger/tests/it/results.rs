//! What outcomes and receipts mean for a message.

use chrono::DateTime;
use paceline_domain::{FailureReason, MAX_ATTEMPTS, MessageMove, Outcome, ReceiptKind};
use paceline_ledger::{Settlement, settle, settle_receipt};

fn settlement(happened: MessageMove) -> Settlement {
    Settlement { happened, reason: None, not_before: None }
}

#[test]
fn an_outcome_means_one_move() {
    let sent = Outcome::Sent { provider_id: Some("wamid.1".to_owned()) };
    assert_eq!(settle(&sent, 1), settlement(MessageMove::Accept));
    assert_eq!(settle(&Outcome::Unknown, MAX_ATTEMPTS), settlement(MessageMove::Lose));
    for &reason in FailureReason::ALL {
        let expected = Settlement { reason: Some(reason), ..settlement(MessageMove::Reject) };
        assert_eq!(settle(&Outcome::Rejected { reason }, 1), expected);
    }
}

#[test]
fn unsent_waits_until_its_time_and_fails_after_the_last_attempt() {
    let not_before = DateTime::from_timestamp(1_772_452_800, 1_000).unwrap();
    let unsent = Outcome::Unsent { not_before };
    for refusals in 1..MAX_ATTEMPTS {
        let expected = Settlement { not_before: Some(not_before), ..settlement(MessageMove::Unsent) };
        assert_eq!(settle(&unsent, refusals), expected, "after {refusals}");
    }
    let exhausted = Settlement { reason: Some(FailureReason::AttemptsExhausted), ..settlement(MessageMove::Reject) };
    for refusals in [MAX_ATTEMPTS, MAX_ATTEMPTS + 1] {
        assert_eq!(settle(&unsent, refusals), exhausted, "after {refusals}");
    }
}

#[test]
fn interrupted_waits_until_its_time_however_often() {
    let not_before = DateTime::from_timestamp(1_772_452_800, 1_000).unwrap();
    let expected = Settlement { not_before: Some(not_before), ..settlement(MessageMove::Unsent) };
    for refusals in [0, MAX_ATTEMPTS, MAX_ATTEMPTS + 1] {
        assert_eq!(settle(&Outcome::Interrupted { not_before }, refusals), expected);
    }
}

#[test]
fn a_receipt_means_one_move() {
    assert_eq!(settle_receipt(ReceiptKind::Delivered), settlement(MessageMove::Deliver));
    assert_eq!(settle_receipt(ReceiptKind::Read), settlement(MessageMove::Read));
    let failed = Settlement { reason: Some(FailureReason::Refused), ..settlement(MessageMove::Reject) };
    assert_eq!(settle_receipt(ReceiptKind::Failed), failed);
}
