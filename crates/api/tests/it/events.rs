//! The event log, by cursor and live.

use paceline_store::events::EventStore;
use serde_json::json;

use crate::app::{App, OK, eventually, phone, read_until};

/// A campaign started and paused: two events.
async fn two_events(app: &App) -> String {
    app.sender("+15550100").await;
    let id = app.draft("Hi").await;
    app.upload(&id, &format!("phone\n{}\n", phone(1))).await;
    for verb in ["start", "pause"] {
        assert_eq!(app.post(&format!("/v1/campaigns/{id}/{verb}")).send().await.status, OK);
    }
    app.store.number_events(100).await.unwrap();
    id
}

#[tokio::test]
async fn a_stream_from_the_end_of_the_log_tells_what_comes_only() {
    let app = App::start().await;
    let campaign = two_events(&app).await;
    let (status, _, body) = app.show("/v1/events/stream?after=latest").open().await;
    assert_eq!(status, OK);
    let mut stream = body.into_data_stream();
    assert_eq!(app.post(&format!("/v1/campaigns/{campaign}/resume")).send().await.status, OK);
    app.store.number_events(100).await.unwrap();
    let read = read_until(&mut stream, "campaign.resumed").await;
    assert!(!read.contains("campaign.paused"), "{read}");
}

#[tokio::test]
async fn the_log_is_read_by_cursor() {
    let app = App::start().await;
    let id = two_events(&app).await;
    let first = app.show("/v1/events?limit=1").send().await.json();
    assert_eq!(
        (&first["items"][0]["type"], &first["items"][0]["data"]["campaign_id"]),
        (&json!("campaign.started"), &json!(id))
    );
    assert_eq!(first["next_cursor"], first["items"][0]["sequence"]);
    let rest = app.show(&format!("/v1/events?after={}", first["next_cursor"].as_str().unwrap())).send().await.json();
    assert_eq!(rest["items"].as_array().unwrap().len(), 1);
    assert_eq!(rest["items"][0]["type"], "campaign.paused");
    let none = app.show(&format!("/v1/events?after={}", rest["next_cursor"].as_str().unwrap())).send().await.json();
    assert_eq!(none, json!({ "items": [], "next_cursor": null }));
    let beyond = app.show("/v1/events?after=1000").send().await;
    let last = rest["next_cursor"].clone();
    assert_eq!((beyond.status, beyond.slug().as_str(), &beyond.problem()["last"]), (410, "beyond-the-log", &last));
    let (status, ..) = app.show("/v1/events/stream?after=1000").open().await;
    assert_eq!(status, 410);
    for query in ["after=x", "after=-1", "wait=31", "wait=x", "limit=0"] {
        assert_eq!(app.show(&format!("/v1/events?{query}")).send().await.status, 422, "{query}");
    }
}

#[tokio::test]
async fn a_reader_may_wait_for_an_event() {
    let app = App::start().await;
    let waiting = app.show("/v1/events?wait=20").send();
    let (answer, _) = tokio::join!(waiting, two_events(&app));
    assert_eq!(answer.json()["items"][0]["type"], "campaign.started");
}

#[tokio::test]
async fn a_live_stream_goes_on_after_the_last_event_seen() {
    let app = App::start().await;
    let id = two_events(&app).await;
    let (status, headers, body) = app.show("/v1/events/stream").open().await;
    assert_eq!((status, headers["content-type"].to_str().unwrap()), (200, "text/event-stream"));
    let mut stream = body.into_data_stream();
    let read = read_until(&mut stream, "campaign.paused").await;
    let started = read.split("\n\n").next().unwrap();
    let field = |name: &str| started.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    assert_eq!(field("event:"), "campaign.started");
    let data: serde_json::Value = serde_json::from_str(&field("data:")).unwrap();
    assert_eq!((&data["sequence"], &data["data"]["campaign_id"]), (&json!(field("id:")), &json!(id)));
    drop(stream);

    let (_, _, body) = app.show("/v1/events/stream").header("last-event-id", &field("id:")).open().await;
    let mut resumed = body.into_data_stream();
    let read = read_until(&mut resumed, "campaign.paused").await;
    assert!(!read.contains("campaign.started"), "{read}");

    app.post(&format!("/v1/campaigns/{id}/resume")).send().await;
    app.store.number_events(100).await.unwrap();
    read_until(&mut resumed, "campaign.resumed").await;
}

#[tokio::test]
async fn a_live_stream_ends_when_the_server_stops() {
    let app = App::start().await;
    let (_, _, body) = app.show("/v1/events/stream").open().await;
    let reading = tokio::spawn(axum::body::to_bytes(body, usize::MAX));
    app.stop.cancel();
    eventually("the stream ends", async || reading.is_finished()).await;
    let answer = app.show("/v1/events/stream").header("last-event-id", "x").send().await;
    assert_eq!((answer.status, &answer.problem()["errors"][0]["header"]), (422, &json!("Last-Event-ID")));
}
