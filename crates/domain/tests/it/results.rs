//! Results: that they travel whole, that a repeat has the same id, and which shard carries them.

use std::collections::HashSet;

use paceline_domain::{
    Address, Epoch, FailureReason, Generation, Inbound, Job, JobItem, Lane, Outcome, Receipt, ReceiptKind, ResultBody,
    SenderId, SessionChange, SessionState, WaId, WorkerResult,
};
use proptest::prelude::*;
use serde_json::json;

use crate::{at, message, phone, sender};

fn result(body: ResultBody) -> WorkerResult {
    WorkerResult { sender: sender(9), at: at("2026-03-01T12:00:00.123456Z"), body }
}

fn attempt(number: i32, outcome: Outcome) -> WorkerResult {
    attempt_under(1, number, outcome)
}

fn attempt_under(epoch: i64, number: i32, outcome: Outcome) -> WorkerResult {
    result(ResultBody::Attempt { message: message(1), attempt: number, epoch: Epoch(epoch), outcome })
}

fn receipt(kind: ReceiptKind, id: &str) -> WorkerResult {
    result(ResultBody::Receipt(Receipt { id: WaId::from_network(id), kind }))
}

fn inbound(id: &str) -> WorkerResult {
    let from = Address::phone(phone("+15550101"));
    result(ResultBody::Inbound(Inbound { id: WaId::from_network(id), from, text: "STOP".to_owned() }))
}

fn session(state: SessionState, pairing_code: Option<&str>) -> WorkerResult {
    let pairing_code = pairing_code.map(ToOwned::to_owned);
    result(ResultBody::Session(SessionChange { state, pairing_code, until: None, detail: None }))
}

/// One of each thing that can be told apart.
fn all_different() -> Vec<WorkerResult> {
    let not_before = at("2026-03-01T13:00:00Z");
    vec![
        attempt(1, Outcome::Sent { provider_id: None }),
        attempt(2, Outcome::Sent { provider_id: Some("wamid.1".to_owned()) }),
        attempt(1, Outcome::Rejected { reason: FailureReason::NotOnWhatsapp }),
        attempt(1, Outcome::Unsent { not_before }),
        attempt(1, Outcome::Interrupted { not_before }),
        attempt(1, Outcome::Unknown),
        attempt_under(2, 1, Outcome::Unknown),
        receipt(ReceiptKind::Delivered, "3EB0A"),
        receipt(ReceiptKind::Read, "3EB0A"),
        receipt(ReceiptKind::Failed, "3EB0A"),
        receipt(ReceiptKind::Delivered, "3EB0B"),
        inbound("3EB0A"),
        inbound("3EB0B"),
        session(SessionState::Pairing, Some("code-1")),
        session(SessionState::Pairing, Some("code-2")),
        session(SessionState::Connected, None),
    ]
}

#[test]
fn every_result_travels_as_json_and_comes_back_whole() {
    for result in all_different() {
        let text = serde_json::to_string(&result).unwrap();
        assert_eq!(serde_json::from_str::<WorkerResult>(&text).unwrap(), result);
    }
}

#[test]
fn results_look_like_this_on_the_wire() {
    let sent = attempt(1, Outcome::Sent { provider_id: None });
    assert_eq!(
        serde_json::to_value(sent).unwrap(),
        json!({
            "sender": "snd_09090909090909090909090909090909", "at": "2026-03-01T12:00:00.123456Z",
            "body": {
                "kind": "attempt", "message": "msg_01010101010101010101010101010101", "attempt": 1, "epoch": 1,
                "outcome": "sent",
            },
        })
    );
    assert_eq!(
        serde_json::to_value(receipt(ReceiptKind::Read, "3EB0A").body).unwrap(),
        json!({"kind": "receipt", "id": "3EB0A", "receipt": "read"})
    );
    assert_eq!(
        serde_json::to_value(inbound("3EB0A").body).unwrap(),
        json!({"kind": "inbound", "id": "3EB0A", "from": {"phone": "+15550101"}, "text": "STOP"})
    );
}

#[test]
fn results_that_differ_have_different_ids_and_repeats_the_same() {
    let results = all_different();
    let ids: HashSet<_> = results.iter().map(WorkerResult::id).collect();
    assert_eq!(ids.len(), results.len());
    assert!(results.iter().zip(all_different()).all(|(first, again)| first.id() == again.id()));
}

#[test]
fn a_receipt_that_comes_again_later_is_the_same_result() {
    let first = receipt(ReceiptKind::Read, "3EB0A");
    let again = WorkerResult { at: at("2026-03-01T18:00:00Z"), ..first.clone() };
    assert_eq!(first.id(), again.id());
    let elsewhere = WorkerResult { sender: sender(8), ..first.clone() };
    assert_ne!(first.id(), elsewhere.id());
}

#[test]
fn a_session_that_comes_up_again_later_is_another_result() {
    let first = session(SessionState::Connected, None);
    let later = WorkerResult { at: at("2026-03-01T18:00:00Z"), ..first.clone() };
    assert_ne!(first.id(), later.id());
}

#[test]
fn an_incoming_text_does_not_print_itself() {
    let printed = format!("{:?}", inbound("3EB0A"));
    assert!(!printed.contains("STOP") && !printed.contains("5550101"), "{printed}");
}

#[test]
fn a_job_travels_as_json_and_comes_back_whole() {
    let item =
        JobItem { message: message(1), generation: Generation(2), to: Address::phone(phone("+15550101")), chars: 3 };
    let job = Job { sender: sender(9), lane: Lane::Transactional, items: vec![item] };
    let text = serde_json::to_string(&job).unwrap();
    assert_eq!(serde_json::from_str::<Job>(&text).unwrap(), job);
}

#[test]
fn a_sender_keeps_its_shard() {
    let shard = |tail: [u8; 2]| {
        let mut bytes = [9; 16];
        bytes[14..].copy_from_slice(&tail);
        let mut result = session(SessionState::Connected, None);
        result.sender = SenderId::from_bytes(bytes);
        result.shard(4)
    };
    assert_eq!([shard([0, 0]), shard([0, 1]), shard([0, 6]), shard([1, 3])], [0, 1, 2, 3]);
}

proptest! {
    #[test]
    fn a_shard_is_one_of_those_there_are(bytes: [u8; 16], shards in 0..40_u16) {
        let mut result = session(SessionState::Connected, None);
        result.sender = SenderId::from_bytes(bytes);
        prop_assert!(result.shard(shards) < shards.max(1));
    }
}
