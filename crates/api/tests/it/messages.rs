//! Single messages, and the story of any message.

use chrono::TimeDelta;
use paceline_domain::{FailureReason, Outcome, Receipt, ReceiptKind, ResultBody};
use paceline_store::leases::LeaseStore;
use serde_json::{Value, json};

use crate::app::{App, noon, phone};

async fn send(app: &App, body: &Value) -> String {
    let answer = app.post("/v1/messages").json(body).send().await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["id"].as_str().unwrap().to_owned()
}

async fn story(app: &App, id: &str) -> Value {
    app.show(&format!("/v1/messages/{id}")).send().await.json()
}

#[tokio::test]
async fn a_message_is_accepted_in_its_lane_and_listed() {
    let app = App::start().await;
    app.sender("+15550100").await;
    let id = send(&app, &json!({ "to": "0151 12000001", "default_region": "DE", "text": "Your code is 7" })).await;
    let listed = app.show("/v1/messages?state=waiting").send().await.json();
    let message = &listed["items"][0];
    assert_eq!(message["id"], id);
    assert_eq!(
        (&message["to"], &message["lane"], &message["state"], &message["campaign_id"], &message["text"]),
        (&json!("+4915112000001"), &json!("transactional"), &json!("waiting"), &json!(null), &json!("Your code is 7"))
    );
    assert_eq!(app.show("/v1/messages?state=sent").send().await.json()["items"], json!([]));
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_by_field() {
    let app = App::start().await;
    let sender = app.sender("+15550100").await;
    for (body, pointer) in [
        (json!({ "to": "hello", "text": "Hi" }), "/to"),
        (json!({ "to": phone(1), "text": " " }), "/text"),
        (json!({ "to": phone(1), "text": "x".repeat(4097) }), "/text"),
        (json!({ "to": phone(1), "text": "Hi", "lane": "campaign" }), "/lane"),
        (json!({ "to": phone(1), "text": "Hi", "lane": "express" }), "/lane"),
        (json!({ "to": phone(1), "text": "Hi", "sender_id": "snd_7" }), "/sender_id"),
        (json!({ "to": phone(1), "text": "Hi", "sender_id": sender, "pool": "default" }), "/pool"),
        (json!({ "to": phone(1), "text": "Hi", "expires_at": noon() }), "/expires_at"),
        (json!({ "to": phone(1), "text": "Hi", "not_before": "tomorrow" }), "/not_before"),
    ] {
        let answer = app.post("/v1/messages").json(&body).send().await;
        assert_eq!((answer.status, &answer.problem()["errors"][0]["pointer"]), (422, &json!(pointer)), "{pointer}");
    }
}

#[tokio::test]
async fn a_suppressed_recipient_is_409_with_since_and_why() {
    let app = App::start().await;
    app.sender("+15550100").await;
    app.post("/v1/suppressions").json(&json!({ "phone": phone(1), "reason": "complaint" })).send().await;
    let answer = app.post("/v1/messages").json(&json!({ "to": phone(1), "text": "Hi" })).send().await;
    insta::assert_json_snapshot!(answer.problem(), @r#"
    {
      "detail": "The recipient is suppressed since 2026-03-02T12:00:00Z (complaint).",
      "scope": "all",
      "since": "2026-03-02T12:00:00Z",
      "status": 409,
      "title": "The recipient must not be contacted",
      "type": "urn:paceline:problem:recipient-suppressed",
      "why": "complaint"
    }
    "#);
}

#[tokio::test]
async fn without_a_sender_nothing_is_accepted() {
    let app = App::start().await;
    let refused = async |app: &App, body: Value| app.post("/v1/messages").json(&body).send().await.slug();
    assert_eq!(refused(&app, json!({ "to": phone(1), "text": "Hi" })).await, "no-sender");
    let sender = app.sender("+15550100").await;
    assert_eq!(refused(&app, json!({ "to": phone(1), "text": "Hi", "pool": "other" })).await, "no-sender");
    app.delete(&format!("/v1/senders/{sender}")).send().await;
    assert_eq!(refused(&app, json!({ "to": phone(1), "text": "Hi", "sender_id": sender })).await, "no-sender");
}

#[tokio::test]
async fn a_waiting_message_always_says_why_it_waits() {
    let app = App::start().await;
    let sender = app.sender("+15550100").await;
    let id = send(&app, &json!({ "to": phone(1), "text": "Hi" })).await;
    assert_eq!(story(&app, &id).await["why"]["code"], "no_sender_connected");

    let bound = send(&app, &json!({ "to": phone(2), "text": "Hi", "sender_id": sender })).await;
    assert_eq!(story(&app, &bound).await["why"]["code"], "sender_without_worker", "nobody has tried to pair it");

    let later = json!({ "to": phone(3), "text": "Hi", "not_before": noon() + TimeDelta::hours(1) });
    let later = send(&app, &later).await;
    let why = story(&app, &later).await["why"].clone();
    assert_eq!((&why["code"], &why["until"]), (&json!("not_before"), &json!("2026-03-02T13:00:00Z")));

    app.connect(&sender).await;
    assert_eq!(story(&app, &id).await["why"]["code"], "queued");
    app.post(&format!("/v1/senders/{sender}/pause")).send().await;
    assert_eq!(story(&app, &bound).await["why"]["code"], "sender_paused");
}

#[tokio::test]
async fn a_released_message_says_what_keeps_its_sender_from_sending_it() {
    let app = App::start().await;
    let sender = app.sender("+15550100").await;
    let id = send(&app, &json!({ "to": phone(1), "text": "Hi" })).await;
    let (sender, _, epoch) = app.connect(&sender).await;
    app.release_due(sender).await;
    let why = story(&app, &id).await["why"].clone();
    assert_eq!(why["code"], "released");
    assert!(why["detail"].as_str().unwrap().ends_with("leaves at its next slot."), "{why}");
    app.store.release_lease(sender, epoch).await.unwrap();
    let why = story(&app, &id).await["why"].clone();
    assert_eq!(why["code"], "released");
    assert!(why["detail"].as_str().unwrap().ends_with("No worker process works for the sender."), "{why}");
}

#[tokio::test]
async fn a_message_tells_its_whole_story() {
    let app = App::start().await;
    let sender = app.sender("+15550100").await;
    let id = send(&app, &json!({ "to": phone(1), "text": "Hi" })).await;
    let holder = app.connect(&sender).await;
    app.clock.advance(TimeDelta::seconds(5));
    let sent = app.send_due(holder, &Outcome::Sent { provider_id: None }).await;
    assert_eq!(sent.len(), 1);
    app.clock.advance(TimeDelta::seconds(5));
    let wa_id = story(&app, &id).await["wa_id"].as_str().unwrap().to_owned();
    let receipt = Receipt { id: paceline_domain::WaId::from_network(&wa_id), kind: ReceiptKind::Read };
    app.apply(holder.0, ResultBody::Receipt(receipt)).await;

    let story = story(&app, &id).await;
    assert_eq!((&story["state"], &story["sender_id"]), (&json!("read"), &json!(sender)));
    assert_eq!(story["why"]["code"], "read");
    let attempt = &story["attempts"][0];
    assert_eq!(
        (&attempt["number"], &attempt["outcome"], &attempt["sender_id"]),
        (&json!(1), &json!("sent"), &json!(sender))
    );
    assert_eq!((&attempt["epoch"], &attempt["pace_inputs"]), (&json!(holder.2.0), &json!({ "rule": "free" })));
    let timeline: Vec<_> =
        story["timeline"].as_array().unwrap().iter().map(|moment| moment["what"].as_str().unwrap()).collect();
    assert_eq!(&timeline[..3], ["created", "intended", "sent"]);
    assert!(timeline.contains(&"read"), "{timeline:?}");
}

#[tokio::test]
async fn a_failed_message_says_the_reason() {
    let app = App::start().await;
    let sender = app.sender("+15550100").await;
    let id = send(&app, &json!({ "to": phone(1), "text": "Hi" })).await;
    let holder = app.connect(&sender).await;
    app.send_due(holder, &Outcome::Rejected { reason: FailureReason::NotOnWhatsapp }).await;
    let story = story(&app, &id).await;
    assert_eq!(
        (&story["state"], &story["reason"], &story["why"]["code"], &story["attempts"][0]["reason"]),
        (&json!("failed"), &json!("not_on_whatsapp"), &json!("not_on_whatsapp"), &json!("not_on_whatsapp"))
    );
}
