//! Starting, pausing, resuming, cancelling: what the state allows, and what it says when it does not.

use chrono::TimeDelta;
use serde_json::json;

use crate::app::{Answer, App, noon, phone};

async fn make(app: &App, verb: &str, id: &str) -> Answer {
    app.post(&format!("/v1/campaigns/{id}/{verb}")).send().await
}

async fn ready(app: &App) -> String {
    app.sender("+15550100").await;
    let id = app.draft("Hi").await;
    app.upload(&id, &format!("phone\n{}\n", phone(1))).await;
    id
}

#[tokio::test]
async fn a_campaign_goes_through_its_moves() {
    let app = App::start().await;
    let id = ready(&app).await;
    for (verb, state) in [("start", "running"), ("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")] {
        let answer = make(&app, verb, &id).await;
        assert_eq!((answer.status, &answer.json()["state"]), (200, &json!(state)), "{verb}");
    }
}

#[tokio::test]
async fn starting_twice_and_resuming_a_cancelled_one_name_the_state() {
    let app = App::start().await;
    let id = ready(&app).await;
    make(&app, "start", &id).await;
    insta::assert_json_snapshot!(make(&app, "start", &id).await.problem(), @r#"
    {
      "attempted": "start",
      "detail": "Cannot start a campaign that is running.",
      "state": "running",
      "status": 409,
      "title": "The campaign's state does not allow this",
      "type": "urn:paceline:problem:campaign-state"
    }
    "#);
    make(&app, "cancel", &id).await;
    for verb in ["resume", "start", "pause", "cancel"] {
        let answer = make(&app, verb, &id).await;
        let problem = answer.problem();
        assert_eq!((answer.status, &problem["state"], &problem["attempted"]), (409, &json!("cancelled"), &json!(verb)));
    }
}

#[tokio::test]
async fn a_campaign_without_recipients_or_senders_does_not_start() {
    let app = App::start().await;
    let id = app.draft("Hi {{ name }}").await;
    let answer = make(&app, "start", &id).await;
    assert_eq!((answer.status, answer.slug().as_str()), (409, "no-recipients"));
    app.upload(&id, &format!("phone,name\n{},Ada\n", phone(1))).await;
    let answer = make(&app, "start", &id).await;
    insta::assert_json_snapshot!(answer.problem(), @r#"
    {
      "detail": "The pool \"default\" has no active sender; add one, or resume one.",
      "pool": "default",
      "status": 409,
      "title": "The pool has no active sender",
      "type": "urn:paceline:problem:no-senders"
    }
    "#);
    let sender = app.sender("+15550100").await;
    app.post(&format!("/v1/senders/{sender}/pause")).send().await;
    assert_eq!(make(&app, "start", &id).await.slug(), "no-senders", "a paused sender does not count");
    app.post(&format!("/v1/senders/{sender}/resume")).send().await;
    assert_eq!(make(&app, "start", &id).await.status, 200);
}

#[tokio::test]
async fn a_variable_that_no_column_provides_is_named_with_the_columns_found() {
    let app = App::start().await;
    app.sender("+15550100").await;
    let id = app.draft("Hi {{ first }} {{ nick | default('you') }}").await;
    app.upload(&id, &format!("phone,name,city\n{},Ada,London\n", phone(1))).await;
    insta::assert_json_snapshot!(make(&app, "start", &id).await.problem(), @r#"
    {
      "columns": [
        "name",
        "city"
      ],
      "detail": "No column provides \"first\"; the columns found are \"name\", \"city\".",
      "status": 422,
      "title": "The template needs variables that the audience does not have",
      "type": "urn:paceline:problem:missing-variables",
      "variable": "first",
      "variables": [
        "first"
      ]
    }
    "#);
    let state = app.show(&format!("/v1/campaigns/{id}")).send().await.json()["state"].clone();
    assert_eq!(state, "draft", "a refused start changes nothing");
}

#[tokio::test]
async fn a_start_in_the_future_schedules() {
    let app = App::start().await;
    app.sender("+15550100").await;
    let body = json!({ "template": "Hi", "start_at": noon() + TimeDelta::hours(1) });
    let id = app.post("/v1/campaigns").json(&body).send().await.json()["id"].as_str().unwrap().to_owned();
    app.upload(&id, &format!("phone\n{}\n", phone(1))).await;
    assert_eq!(make(&app, "start", &id).await.json()["state"], "scheduled");
    let why = app.show(&format!("/v1/campaigns/{id}/progress")).send().await.json()["why"].clone();
    assert_eq!((&why["code"], &why["until"]), (&json!("campaign_scheduled"), &json!("2026-03-02T13:00:00Z")));
    app.clock.advance(TimeDelta::hours(2));
    assert_eq!(make(&app, "start", &id).await.json()["state"], "running", "a scheduled campaign starts by hand");
}
