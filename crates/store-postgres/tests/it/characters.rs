//! Texts from outside hold whatever their writers liked. A NUL, which no `text` can hold, is replaced where it is stored as text,
//! and stops nothing.

use std::sync::Arc;

use paceline_domain::{
    Address, EventKind, MessageState, Outcome, ReceiptKind, ResultBody, SessionChange, SessionState, WaId, WorkerResult,
};
use paceline_store::{
    conformance::builders::{World, receipt},
    results::{OptOut, ResultToApply},
};

use crate::{database, open, options};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nul_in_what_the_network_says_stops_no_result_of_its_batch() {
    let database = database().await;
    let world = World::new(Arc::new(open(options(&database)).await)).await;
    let sender = world.add_sender(1, "main").await;
    let (_, messages) = world.planned("main", 0..1).await;
    let lease = world.lease(sender).await;
    let granted = world.intend(&lease, &world.claim_for(sender, 1).await).await;
    let provided = Outcome::Sent { provider_id: Some("wamid\0one".to_owned()) };
    let sent = world.conclude(sender, messages[0], granted[0].1.attempt, provided).await;
    let read = receipt(sender, &WaId::from_network("wamid\0one"), ReceiptKind::Read, world.now);
    let foreign = receipt(sender, &WaId::from_network("wamid\0two"), ReceiptKind::Read, world.now);
    let from = Address { phone: None, business_scoped_id: Some("b\0".to_owned()), linked_id: Some("l\0".to_owned()) };
    let hash = world.key.hash_address(&from);
    let inbound = paceline_domain::Inbound { id: WaId::from_network("in\0"), from, text: "stop\0".to_owned() };
    let stop = WorkerResult { sender, at: world.now, body: ResultBody::Inbound(inbound) };
    let change = SessionChange {
        state: SessionState::Pairing,
        pairing_code: Some("12\x0034".to_owned()),
        until: None,
        detail: Some("de\0tail".to_owned()),
    };
    let paired = WorkerResult { sender, at: world.now, body: ResultBody::Session(change) };

    let batch = [sent, read, foreign, stop, paired];
    let batch = batch.map(|result| ResultToApply {
        opt_out: if matches!(result.body, ResultBody::Inbound(_)) { OptOut::Yes } else { OptOut::No },
        result,
    });
    let summary = world.store.apply_results(&batch, world.now).await.unwrap();
    assert_eq!((summary.applied, summary.stale, summary.opted_out), (4, 1, 1));

    assert_eq!(world.stand(messages[0]).await.0, MessageState::Read, "the provider's id is found as it was kept");
    let seen = world.sender(sender).await;
    assert_eq!(seen.session_detail.as_deref(), Some("de\u{fffd}tail"));
    assert_eq!(seen.pairing_code.as_deref(), Some("12\u{fffd}34"));
    let suppression = world.store.find_suppression(world.workspace, hash).await.unwrap().unwrap();
    assert_eq!(suppression.address.unwrap().linked_id.as_deref(), Some("l\u{fffd}"));
    let received = world.events_of(EventKind::MessageReceived).await;
    assert_eq!(received[0].data["text"], "stop\0", "an event holds what was said");
}
