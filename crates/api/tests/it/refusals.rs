//! What every operation refuses alike.

use std::{convert::Infallible, sync::Arc};

use axum::body::Body;
use futures_util::{StreamExt, stream};
use serde_json::json;

use crate::app::{App, Call};

#[tokio::test]
async fn a_body_that_is_not_json_is_refused_with_line_and_column() {
    let app = App::start().await;
    let call = app.post("/v1/campaigns").header("content-type", "application/json").body("{\n  \"template\": oops }");
    let answer = call.send().await;
    insta::assert_json_snapshot!(answer.problem(), @r#"
    {
      "column": 15,
      "detail": "expected value",
      "line": 2,
      "status": 400,
      "title": "The body is not JSON",
      "type": "urn:paceline:problem:malformed-json"
    }
    "#);
}

#[tokio::test]
async fn an_unknown_field_a_wrong_type_and_a_missing_field_are_named() {
    let app = App::start().await;
    let answer = app.post("/v1/campaigns").json(&json!({ "template": "Hi", "tempo": 3 })).send().await;
    let problem = answer.problem();
    assert_eq!((answer.status, &problem["errors"][0]["pointer"]), (422, &json!("/tempo")));
    assert!(problem["errors"][0]["detail"].as_str().unwrap().starts_with("unknown field `tempo`"), "{problem}");

    let answer = app.post("/v1/senders").json(&json!({ "phone": "+15550100", "pools": ["a", 7] })).send().await;
    assert_eq!((answer.status, &answer.problem()["errors"][0]["pointer"]), (422, &json!("/pools/1")));

    let answer = app.post("/v1/messages").json(&json!({ "to": "+15550100" })).send().await;
    let problem = answer.problem();
    assert_eq!((answer.status, &problem["errors"][0]["detail"]), (422, &json!("missing field `text`")));
}

#[tokio::test]
async fn a_body_of_another_type_or_too_long_is_refused() {
    let app = App::start().await;
    let answer = app.post("/v1/campaigns").header("content-type", "text/plain").body("{}").send().await;
    assert_eq!((answer.status, answer.slug().as_str()), (415, "unsupported-media-type"));
    let long = json!({ "template": "x".repeat(2 << 20) });
    let answer = app.post("/v1/campaigns").json(&long).send().await;
    assert_eq!((answer.status, answer.slug().as_str()), (413, "too-large"));
}

#[tokio::test]
async fn unknown_paths_methods_and_ids_are_problems_too() {
    let app = App::start().await;
    let answer = app.show("/v1/nothing").send().await;
    assert_eq!((answer.status, answer.slug().as_str()), (404, "no-such-route"));
    let answer = app.delete("/v1/campaigns").send().await;
    assert_eq!((answer.status, answer.slug().as_str()), (405, "method-not-allowed"));
    assert!(answer.header("allow").contains("GET"), "{:?}", answer.headers);
    for path in [
        "/v1/campaigns/7",
        "/v1/campaigns/snd_00000000000000000000000000000000",
        "/v1/senders/%20",
        "/v1/messages/msg_",
    ] {
        let answer = app.show(path).send().await;
        assert_eq!((answer.status, answer.slug().as_str()), (404, "not-found"), "{path}");
    }
}

#[tokio::test]
async fn limits_cursors_and_unknown_parameters_are_named() {
    let app = App::start().await;
    for (query, parameter) in [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=many", "limit"),
        ("cursor=tampered", "cursor"),
        ("offset=3", "offset"),
    ] {
        let answer = app.show(&format!("/v1/campaigns?{query}")).send().await;
        let problem = answer.problem();
        assert_eq!((answer.status, &problem["errors"][0]["parameter"]), (422, &json!(parameter)), "{query}: {problem}");
    }
    let answer = app.show("/v1/messages?state=lost").send().await;
    assert_eq!((answer.status, &answer.problem()["errors"][0]["parameter"]), (422, &json!("state")));
}

#[tokio::test]
async fn a_cursor_leads_through_every_item_once() {
    let app = App::start().await;
    let mut made = Vec::new();
    for _ in 0..7 {
        made.push(app.draft("Hi").await);
        app.clock.advance(chrono::TimeDelta::seconds(1));
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = app.show(&format!("/v1/campaigns?limit=3{cursor}")).send().await.json();
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    made.reverse();
    assert_eq!(seen, made, "newest first, each once");
    let elsewhere = app.show("/v1/campaigns?limit=1").send().await.json();
    let cursor = elsewhere["next_cursor"].as_str().unwrap();
    let answer = app.show(&format!("/v1/senders?cursor={cursor}")).send().await;
    assert_eq!(answer.status, 422, "a cursor belongs to its list");
}

#[tokio::test]
async fn a_database_that_is_away_is_503_without_detail() {
    let app = App::start().await;
    app.store.close().await;
    let answer = app.show("/v1/campaigns").send().await;
    assert_eq!(answer.header("retry-after"), "5");
    insta::assert_json_snapshot!(answer.problem(), @r#"
    {
      "status": 503,
      "title": "The service is unavailable for a moment",
      "type": "urn:paceline:problem:unavailable"
    }
    "#);
}

/// A JSON or CSV body that takes the database away before it is read to its end.
fn fatal_body(app: &App, first: &'static str, rest: String) -> Body {
    let store = Arc::clone(&app.store);
    let first = stream::once(async move { Ok::<_, Infallible>(first.to_owned()) });
    let rest = stream::once(async move {
        store.close().await;
        Ok(rest)
    });
    Body::from_stream(first.chain(rest))
}

#[tokio::test]
async fn a_database_that_goes_away_under_a_request_is_503_with_a_time_to_come_back() {
    const JSON: &str = "application/json";
    for (path, kind, first, rest) in [
        ("/v1/campaigns", JSON, "{", r#""template": "Hi" }"#),
        ("/v1/senders", JSON, "{", r#""phone": "+15550101" }"#),
        ("/v1/messages", JSON, "{", r#""to": "+4915112000001", "text": "Hi" }"#),
        ("/v1/suppressions", JSON, "{", r#""phone": "+4915112000001" }"#),
        ("/v1/webhook-endpoints", JSON, "{", r#""url": "https://example.com/" }"#),
        ("/v1/campaigns/{id}/recipients", "text/csv", "phone\n", "+4915112000001\n"),
    ] {
        for key in [None, Some("key-1")] {
            let app = App::start().await;
            app.sender("+15550100").await;
            let path = path.replace("{id}", &app.draft("Hi").await);
            let call = app.post(&path).header("content-type", kind).body(fatal_body(&app, first, rest.to_owned()));
            let answer = key.into_iter().fold(call, Call::key).send().await;
            assert_eq!((answer.status, answer.slug().as_str()), (503, "unavailable"), "{path}: {}", answer.text());
            assert_eq!(answer.header("retry-after"), "5", "{path}");
        }
    }
}
