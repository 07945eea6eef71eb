//! Messages of unknown outcome: counted, listed, and decided about by a person or by the workspace's policy.

use std::time::Duration;

use chrono::TimeDelta;
use paceline_domain::Outcome;
use paceline_store::{events::EventStore, sweep::SweepStore};
use serde_json::{Value, json};

use crate::app::{App, OK, phone};

/// An API with messages of unknown outcome.
async fn with_unknown(count: usize) -> (App, Vec<String>) {
    let app = App::start().await;
    let sender = app.sender("+15550100").await;
    let mut ids = Vec::new();
    for index in 0..count {
        let answer = app.post("/v1/messages").json(&json!({ "to": phone(index), "text": "Hi" })).send().await;
        ids.push(answer.json()["id"].as_str().unwrap().to_owned());
    }
    let holder = app.connect(&sender).await;
    assert_eq!(app.send_due(holder, &Outcome::Unknown).await.len(), count);
    (app, ids)
}

async fn resolve(app: &App, id: &str, resolution: &str) -> crate::app::Answer {
    app.post(&format!("/v1/messages/{id}/resolve")).json(&json!({ "as": resolution })).send().await
}

#[tokio::test]
async fn unknown_messages_are_listed_and_say_what_can_be_done() {
    let (app, ids) = with_unknown(2).await;
    let listed = app.show("/v1/messages?state=unknown").send().await.json();
    let found: Vec<_> = listed["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect();
    let expected: Vec<_> = ids.iter().map(|id| json!(id)).collect();
    assert_eq!(found, expected, "as they were accepted");
    let why = app.show(&format!("/v1/messages/{}", ids[0])).send().await.json()["why"].clone();
    assert_eq!(why["code"], "unknown");
    assert!(why["detail"].as_str().unwrap().contains("resolve"), "{why}");
}

#[tokio::test]
async fn a_person_decides_and_the_story_says_who() {
    let (app, ids) = with_unknown(3).await;
    for (id, (resolution, state)) in ids.iter().zip([("sent", "sent"), ("failed", "failed"), ("resend", "waiting")]) {
        app.clock.advance(TimeDelta::seconds(1));
        for _ in 0..2 {
            let answer = resolve(&app, id, resolution).await;
            assert_eq!((answer.status, &answer.json()["state"]), (OK, &json!(state)), "{resolution}");
        }
        let story = app.show(&format!("/v1/messages/{id}")).send().await.json();
        let resolved: Vec<&Value> =
            story["timeline"].as_array().unwrap().iter().filter(|moment| moment["what"] == "resolved").collect();
        assert_eq!(resolved.len(), 1, "the same decision is made once");
        assert_eq!((&resolved[0]["reason"], &resolved[0]["attempt"]), (&json!(resolution), &json!(1)));
        assert!(resolved[0]["by"].as_str().unwrap().starts_with("key_"));
        assert_eq!(story["attempts"][0]["wa_id"], story["wa_id"]);
    }
    app.store.number_events(100).await.unwrap();
    let events = app.show("/v1/events").send().await.json();
    let resolved: Vec<_> =
        events["items"].as_array().unwrap().iter().filter(|event| event["type"] == "message.resolved").collect();
    assert_eq!(resolved.len(), 3);
    assert_eq!((&resolved[0]["data"]["resolution"], &resolved[1]["data"]["state"]), (&json!("sent"), &json!("failed")));
}

#[tokio::test]
async fn what_is_not_unknown_is_409_with_its_state() {
    let (app, ids) = with_unknown(1).await;
    resolve(&app, &ids[0], "failed").await;
    let refused = resolve(&app, &ids[0], "sent").await;
    assert_eq!((refused.status, refused.slug().as_str()), (409, "message-not-unknown"));
    assert_eq!(refused.problem()["state"], "failed");
    assert_eq!(resolve(&app, "msg_00000000000000000000000000000000", "sent").await.status, 404);
    let wrong = resolve(&app, &ids[0], "lost").await;
    assert_eq!((wrong.status, &wrong.problem()["errors"][0]["pointer"]), (422, &json!("/as")));
}

#[tokio::test]
async fn a_workspace_holds_what_is_unknown_until_it_chooses_otherwise() {
    let (app, ids) = with_unknown(1).await;
    let shown = app.show("/v1/workspace").send().await.json();
    assert_eq!((&shown["unknown_policy"], &shown["name"]), (&json!("hold"), &json!("test")));
    assert!(shown.get("key").is_none(), "the workspace's secret is not shown");
    assert_eq!(app.patch("/v1/workspace").json(&json!({})).send().await.json(), shown);
    let wrong = app.patch("/v1/workspace").json(&json!({ "unknown_policy": "guess" })).send().await;
    assert_eq!((wrong.status, &wrong.problem()["errors"][0]["pointer"]), (422, &json!("/unknown_policy")));
    let changed = app.patch("/v1/workspace").json(&json!({ "unknown_policy": "fail" })).send().await;
    assert_eq!((changed.status, &changed.json()["unknown_policy"]), (OK, &json!("fail")));
    let later = paceline_domain::Clock::now(&*app.clock) + TimeDelta::hours(1);
    assert_eq!(app.store.settle_unknown(later, Duration::from_mins(10), 10).await.unwrap(), 1);
    let story = app.show(&format!("/v1/messages/{}", ids[0])).send().await.json();
    assert_eq!((&story["state"], &story["reason"]), (&json!("failed"), &json!("outcome_unknown")));
    let resolved = story["timeline"].as_array().unwrap().iter().find(|moment| moment["what"] == "resolved").unwrap();
    assert_eq!((&resolved["by"], &resolved["reason"]), (&json!("policy"), &json!("failed")));
}
