//! Campaigns: making, changing, showing.

use chrono::TimeDelta;
use serde_json::json;

use crate::app::{App, noon, phone};

#[tokio::test]
async fn a_campaign_is_made_as_a_draft_with_defaults() {
    let app = App::start().await;
    let answer = app.post("/v1/campaigns").json(&json!({ "template": "{Hi|Hello} {{ name }}" })).send().await;
    assert_eq!(answer.status, 201);
    let mut campaign = answer.json();
    let id = campaign["id"].as_str().unwrap().to_owned();
    assert_eq!(app.show(&format!("/v1/campaigns/{id}")).send().await.json(), campaign);
    campaign["id"] = json!("cmp_…");
    insta::assert_json_snapshot!(campaign, @r#"
    {
      "account": {
        "balanced": true,
        "cancelled": 0,
        "delivered": 0,
        "expired": 0,
        "failed": 0,
        "opted_out": 0,
        "planned": 0,
        "read": 0,
        "replied": 0,
        "sending": 0,
        "sent": 0,
        "unknown": 0,
        "unplanned": 0,
        "waiting": 0
      },
      "allowed_actions": [
        "edit",
        "start",
        "cancel"
      ],
      "columns": [],
      "created_at": "2026-03-02T12:00:00Z",
      "default_region": null,
      "ended_at": null,
      "excluded": {},
      "expires_at": null,
      "failed": {},
      "id": "cmp_…",
      "name": "Campaign of 2026-03-02 12:00",
      "phone_column": null,
      "planned_through": 0,
      "pool": "default",
      "rows": 0,
      "start_at": null,
      "started_at": null,
      "state": "draft",
      "template": "{Hi|Hello} {{ name }}"
    }
    "#);
}

#[tokio::test]
async fn a_template_with_a_syntax_error_is_refused_with_line_and_column() {
    let app = App::start().await;
    let answer = app.post("/v1/campaigns").json(&json!({ "template": "Hello\n  {{ name " })).send().await;
    let problem = answer.problem();
    assert_eq!((answer.status, answer.slug().as_str()), (422, "template-syntax"));
    assert_eq!(problem["line"], 2, "{problem}");
    assert!(problem["column"].as_u64().unwrap() >= 3, "{problem}");
    assert_eq!(problem["errors"][0]["pointer"], "/template");
    let campaign = app.draft("Hello").await;
    let answer = app.patch(&format!("/v1/campaigns/{campaign}")).json(&json!({ "template": "{% if %}" })).send().await;
    assert_eq!((answer.status, answer.slug().as_str()), (422, "template-syntax"));
}

#[tokio::test]
async fn everything_wrong_with_a_campaign_is_told_at_once() {
    let app = App::start().await;
    let body = json!({
        "name": " ",
        "template": "Hi",
        "default_region": "XX",
        "start_at": noon() + TimeDelta::hours(2),
        "expires_at": noon() + TimeDelta::hours(1),
    });
    let answer = app.post("/v1/campaigns").json(&body).send().await;
    let problem = answer.problem();
    let pointers: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
    assert_eq!(pointers, ["/name", "/default_region", "/expires_at"], "{problem}");
    let past = json!({ "template": "Hi", "expires_at": noon() - TimeDelta::seconds(1) });
    let answer = app.post("/v1/campaigns").json(&past).send().await;
    assert_eq!(answer.problem()["errors"][0]["detail"], "must lie in the future");
}

#[tokio::test]
async fn a_draft_changes_field_by_field_and_null_clears() {
    let app = App::start().await;
    let body =
        json!({ "name": "Spring", "template": "Hi", "default_region": "DE", "start_at": noon() + TimeDelta::hours(1) });
    let id = app.post("/v1/campaigns").json(&body).send().await.json()["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/campaigns/{id}");
    let changed = app.patch(&path).json(&json!({ "template": "Hello", "start_at": null })).send().await.json();
    assert_eq!(
        (&changed["name"], &changed["template"], &changed["default_region"], &changed["start_at"]),
        (&json!("Spring"), &json!("Hello"), &json!("DE"), &json!(null))
    );
    assert_eq!(app.show(&path).send().await.json(), changed);
}

#[tokio::test]
async fn a_running_campaign_cannot_be_edited_or_added_to() {
    let app = App::start().await;
    app.sender("+15550100").await;
    let id = app.draft("Hi").await;
    app.upload(&id, &format!("phone\n{}\n", phone(1))).await;
    assert_eq!(app.post(&format!("/v1/campaigns/{id}/start")).send().await.status, 200);
    let answer = app.patch(&format!("/v1/campaigns/{id}")).json(&json!({ "name": "Late" })).send().await;
    insta::assert_json_snapshot!(answer.problem(), @r#"
    {
      "detail": "The campaign is running; only a draft can be changed.",
      "state": "running",
      "status": 409,
      "title": "The campaign is not a draft",
      "type": "urn:paceline:problem:campaign-not-draft"
    }
    "#);
    let answer = app.upload(&id, &format!("phone\n{}\n", phone(2))).await;
    assert_eq!((answer.status, answer.slug().as_str()), (409, "campaign-not-draft"));
}

#[tokio::test]
async fn progress_says_how_far_it_is_and_why_it_waits() {
    let app = App::start().await;
    let sender = app.sender("+15550100").await;
    let id = app.draft("Hi").await;
    let progress = async |app: &App| app.show(&format!("/v1/campaigns/{id}/progress")).send().await.json();
    assert_eq!(progress(&app).await["why"]["code"], "campaign_draft");
    app.upload(&id, &format!("phone\n{}\n{}\nnonsense\n", phone(1), phone(2))).await;
    app.post(&format!("/v1/campaigns/{id}/start")).send().await;
    let undecided = progress(&app).await;
    assert_eq!((&undecided["why"]["code"], &undecided["planning"]["done"]), (&json!("planning"), &json!(false)));
    app.plan().await;
    let waiting = progress(&app).await;
    assert_eq!(waiting["why"]["code"], "no_sender_connected", "{waiting}");
    assert_eq!(
        waiting["planning"],
        json!({ "rows": 3, "planned_through": 3, "planned": 2, "excluded": 1, "unplanned": 0, "done": true })
    );
    app.connect(&sender).await;
    assert_eq!(progress(&app).await["why"]["code"], "ready");
    app.post(&format!("/v1/senders/{sender}/pause")).send().await;
    assert_eq!(progress(&app).await["why"]["code"], "no_sender");
    app.post(&format!("/v1/campaigns/{id}/pause")).send().await;
    let paused = progress(&app).await;
    assert_eq!((&paused["why"]["code"], &paused["state"]), (&json!("campaign_paused"), &json!("paused")));
}
