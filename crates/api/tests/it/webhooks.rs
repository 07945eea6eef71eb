//! Webhook endpoints and their deliveries.

use std::time::Duration;

use paceline_api::ApiOptions;
use paceline_domain::{Clock, EgressPolicy};
use paceline_store::deliveries::{DeliveryOutcome, DeliveryStore, NextTry};
use serde_json::json;

use crate::app::{App, phone};

#[tokio::test]
async fn an_endpoint_is_added_with_a_secret_that_is_shown_once() {
    let app = App::start().await;
    let body =
        json!({ "url": "https://example.com/hooks", "events": ["message.sent", "message.sent", "campaign.started"] });
    let answer = app.post("/v1/webhook-endpoints").json(&body).send().await;
    let added = answer.json();
    assert_eq!((answer.status, &added["events"]), (201, &json!(["campaign.started", "message.sent"])));
    let secret = added["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_") && secret.len() == 38, "{secret}");
    let listed = app.show("/v1/webhook-endpoints").send().await;
    assert_eq!(listed.json()["items"][0]["id"], added["id"]);
    assert!(!listed.text().contains("whsec_"), "{}", listed.text());
    let path = format!("/v1/webhook-endpoints/{}", added["id"].as_str().unwrap());
    assert_eq!(app.delete(&path).send().await.status, 204);
    assert_eq!(app.delete(&path).send().await.slug(), "not-found");
}

#[tokio::test]
async fn private_addresses_are_refused_unless_they_are_allowed() {
    let app = App::start().await;
    for url in
        ["http://127.0.0.1:9/", "http://[::1]/", "http://10.1.2.3/", "http://localhost/", "ftp://example.com/", "x"]
    {
        let answer = app.post("/v1/webhook-endpoints").json(&json!({ "url": url })).send().await;
        assert_eq!((answer.status, &answer.problem()["errors"][0]["pointer"]), (422, &json!("/url")), "{url}");
    }
    let open = App::with(ApiOptions { webhook_egress: EgressPolicy::Any, ..ApiOptions::default() }).await;
    let answer = open.post("/v1/webhook-endpoints").json(&json!({ "url": "http://127.0.0.1:9/" })).send().await;
    assert_eq!(answer.status, 201);
    let answer =
        app.post("/v1/webhook-endpoints").json(&json!({ "url": "https://a.b/", "events": ["all"] })).send().await;
    assert_eq!(answer.problem()["errors"][0]["pointer"], "/events/0");
}

#[tokio::test]
async fn deliveries_are_listed_and_sent_again_by_hand() {
    let app = App::start().await;
    let endpoint =
        app.post("/v1/webhook-endpoints").json(&json!({ "url": "https://example.com/" })).send().await.json();
    let path = format!("/v1/webhook-endpoints/{}/deliveries", endpoint["id"].as_str().unwrap());
    app.sender("+15550100").await;
    let id = app.draft("Hi").await;
    app.upload(&id, &format!("phone\n{}\n", phone(1))).await;
    app.post(&format!("/v1/campaigns/{id}/start")).send().await;
    let listed = app.show(&path).send().await.json();
    let delivery = &listed["items"][0];
    assert_eq!((&delivery["type"], &delivery["state"]), (&json!("campaign.started"), &json!("waiting")), "{listed}");
    let redeliver = format!("{path}/{}/redeliver", delivery["id"].as_str().unwrap());
    let answer = app.post(&redeliver).send().await;
    assert_eq!((answer.status, &answer.json()["attempts"]), (202, &json!(0)));
    let unknown = format!("{path}/whd_{}/redeliver", "0".repeat(32));
    assert_eq!(app.post(&unknown).send().await.slug(), "not-found");
    let strange = format!("/v1/webhook-endpoints/whe_{}/deliveries", "0".repeat(32));
    assert_eq!(app.show(&strange).send().await.slug(), "not-found");
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_shown_as_switched_off_until_it_is_switched_on() {
    let app = App::start().await;
    let endpoint =
        app.post("/v1/webhook-endpoints").json(&json!({ "url": "https://example.com/" })).send().await.json();
    assert_eq!((&endpoint["disabled"], &endpoint["failing_since"]), (&json!(null), &json!(null)));
    let path = format!("/v1/webhook-endpoints/{}", endpoint["id"].as_str().unwrap());
    app.sender("+15550100").await;
    let id = app.draft("Hi").await;
    app.upload(&id, &format!("phone\n{}\n", phone(1))).await;
    app.post(&format!("/v1/campaigns/{id}/start")).send().await;
    let claimed = app.store.claim_deliveries(1, 1, Duration::from_mins(1)).await.unwrap();
    let next = NextTry::Gone { error: "it answered 410".into() };
    let outcome = DeliveryOutcome { id: claimed[0].id, token: claimed[0].token, status: Some(410), next };
    app.store.record_deliveries(&[outcome], Duration::from_hours(1), app.clock.now()).await.unwrap();

    let listed = app.show("/v1/webhook-endpoints").send().await.json();
    assert_eq!(listed["items"][0]["disabled"]["reason"], "gone", "{listed}");
    let redeliver = format!("{path}/deliveries/{}/redeliver", claimed[0].id);
    let refused = app.post(&redeliver).send().await;
    assert_eq!((refused.status, refused.slug().as_str()), (409, "webhook-endpoint-disabled"));
    let enabled = app.post(&format!("{path}/enable")).send().await;
    assert_eq!((enabled.status, &enabled.json()["disabled"]), (200, &json!(null)));
    assert_eq!(app.post(&redeliver).send().await.status, 202);
    let strange = format!("/v1/webhook-endpoints/whe_{}/enable", "0".repeat(32));
    assert_eq!(app.post(&strange).send().await.slug(), "not-found");
}
