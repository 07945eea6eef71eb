//! What an operator's tools read.

use std::sync::{Arc, Mutex};

use axum::{Router, body::Body, http::Request};
use paceline_api::{ApiOptions, OperationsDeps, ProbeResult, ReadinessProbe, operations_router};
use paceline_telemetry::{Describe, Metrics};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use tracing_subscriber::fmt::MakeWriter;

use crate::app::{App, PATIENCE, Probes};

#[tokio::test]
async fn health_needs_no_key_and_asks_nobody() {
    let app = App::start().await;
    app.store.close().await;
    let answer = app.show("/healthz").anonymous().send().await;
    assert_eq!((answer.status, answer.json()), (200, json!({ "status": "alive" })));
}

#[tokio::test]
async fn readiness_names_what_fails_and_why() {
    let app = App::start().await;
    let show = async || app.show("/readyz").anonymous().send().await;
    *app.probes.0.lock().unwrap() = vec![ProbeResult::ok("database"), ProbeResult::ok("broker")];
    let answer = show().await;
    assert_eq!((answer.status, &answer.json()["status"]), (200, &json!("ready")));
    *app.probes.0.lock().unwrap() =
        vec![ProbeResult::failed("database", "the disk is full"), ProbeResult::ok("broker")];
    let answer = show().await;
    assert_eq!(answer.status, 503);
    assert_eq!(
        answer.json(),
        json!({ "status": "unready", "probes": [
            { "name": "database", "ok": false, "reason": "the disk is full" },
            { "name": "broker", "ok": true },
        ] })
    );
    assert_eq!(answer.header("retry-after"), "5");
}

/// Probes that never answer, as while a database hangs.
struct Hanging;

#[async_trait::async_trait]
impl ReadinessProbe for Hanging {
    async fn probes(&self) -> Vec<ProbeResult> {
        std::future::pending().await
    }
}

fn operations(readiness: Arc<dyn ReadinessProbe>, stop: &CancellationToken) -> Router {
    let metrics = Arc::new(Metrics::new());
    let help = Describe { name: "paceline_test", help: "A test.", when_it_rises: "a test ran." };
    metrics.gauge(help, &["of"]).with_label_values(&["a"]).set(7);
    operations_router(OperationsDeps { metrics, readiness, stop: stop.clone() })
}

async fn read(router: &Router, path: &str) -> (u16, String) {
    let request = Request::builder().uri(path).body(Body::empty()).unwrap();
    let answer = tokio::time::timeout(PATIENCE, router.clone().oneshot(request)).await.unwrap().unwrap();
    let status = answer.status().as_u16();
    let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// What `/readyz` says of a process that is stopping, whatever it is made of.
fn stopping() -> Value {
    let reason = "it is stopping: what is in hand is finished, nothing new is taken";
    json!({ "status": "stopping", "probes": [{ "name": "process", "ok": false, "reason": reason }] })
}

#[tokio::test]
async fn a_process_that_stops_is_unready_and_says_so_however_well_all_else_is() {
    let app = App::start().await;
    *app.probes.0.lock().unwrap() = vec![ProbeResult::ok("database")];
    assert_eq!(app.show("/readyz").anonymous().send().await.status, 200);
    app.stop.cancel();
    let answer = app.show("/readyz").anonymous().send().await;
    assert_eq!((answer.status, answer.json()), (503, stopping()));
    assert_eq!(answer.header("retry-after"), "", "it does not come back");
    assert_eq!(app.show("/healthz").anonymous().send().await.status, 200, "it lives until it ends");
}

#[tokio::test]
async fn a_stop_is_told_at_once_although_the_probes_hang() {
    let stop = CancellationToken::new();
    let router = operations(Arc::new(Hanging), &stop);
    let (asked, ()) = tokio::join!(read(&router, "/readyz"), async { stop.cancel() });
    assert_eq!((asked.0, serde_json::from_str::<Value>(&asked.1).unwrap()), (503, stopping()));
}

#[tokio::test]
async fn a_process_without_an_api_has_the_same_pages_and_no_others() {
    let (stop, probes) = (CancellationToken::new(), Arc::new(Probes::default()));
    let router = operations(Arc::clone(&probes) as _, &stop);
    *probes.0.lock().unwrap() = vec![ProbeResult::ok("database")];
    assert_eq!(read(&router, "/healthz").await, (200, r#"{"status":"alive"}"#.to_owned()));
    let ready = r#"{"status":"ready","probes":[{"name":"database","ok":true}]}"#;
    assert_eq!(read(&router, "/readyz").await, (200, ready.to_owned()));
    let (status, metrics) = read(&router, "/metrics").await;
    assert!(status == 200 && metrics.contains("paceline_test{of=\"a\"} 7"), "{metrics}");
    *probes.0.lock().unwrap() = vec![ProbeResult::failed("broker", "no connection")];
    assert_eq!(read(&router, "/readyz").await.0, 503);
    for path in ["/v1/senders", "/openapi.json", "/"] {
        assert_eq!(read(&router, path).await.0, 404, "{path}");
    }
    let others = Router::new().route("/workers/targets", axum::routing::get(async || "[]")).merge(router);
    assert_eq!(read(&others, "/workers/targets").await, (200, "[]".to_owned()));
    assert_eq!(read(&others, "/healthz").await.0, 200);
}

#[tokio::test]
async fn metrics_count_requests_by_route_and_never_by_path() {
    let app = App::start().await;
    let id = app.draft("Hi").await;
    app.show(&format!("/v1/campaigns/{id}")).send().await;
    app.show("/v1/suppressions?phone=%2B15550100").send().await;
    app.show("/nothing/here").send().await;
    let metrics = app.show("/metrics").anonymous().send().await;
    let text = metrics.text();
    assert!(metrics.header("content-type").starts_with("text/plain"));
    assert!(
        text.contains(r#"paceline_http_requests_total{method="GET",route="/v1/campaigns/{id}",status="200"} 1"#),
        "{text}"
    );
    assert!(text.contains(r#"route="unmatched",status="404""#), "{text}");
    assert!(text.contains("paceline_http_request_duration_seconds_bucket"), "{text}");
    assert!(!text.contains(&id) && !text.contains("15550100"), "{text}");
}

#[tokio::test]
async fn senders_have_a_page_of_metrics_only_where_it_is_allowed_and_stand_there_by_their_ids() {
    let app = App::start().await;
    app.sender("+15550100").await;
    assert_eq!(app.show("/metrics/senders").anonymous().send().await.status, 404, "off unless it is asked for");

    let app = App::with(ApiOptions { sender_metrics: 1, ..ApiOptions::default() }).await;
    app.sender("+15550100").await;
    app.sender("+15550101").await;
    let page = app.show("/metrics/senders").anonymous().send().await;
    let text = page.text();
    assert!(page.status == 200 && page.header("content-type").starts_with("text/plain"), "{text}");
    let shown = text.lines().filter(|line| line.starts_with("paceline_sender_connected{sender=\"snd_")).count();
    assert_eq!(shown, 1, "no more than are allowed: {text}");
    assert!(text.contains("\npaceline_senders_left_out 1\n"), "{text}");
    assert!(!text.contains("1555010"), "no number: {text}");
    assert!(text.contains("paceline_sender_spent_today{"), "{text}");
}

#[tokio::test]
async fn what_a_key_was_is_counted() {
    let app = App::start().await;
    let send = async |text: &str| {
        let body = json!({ "to": "+4915112000001", "text": text });
        app.post("/v1/messages").json(&body).key("one").send().await
    };
    app.sender("+15550100").await;
    assert_eq!(send("Hi").await.status, 201);
    assert_eq!(send("Hi").await.status, 201);
    assert_eq!(send("Bye").await.status, 422);
    let text = app.show("/metrics").anonymous().send().await.text();
    for (key, count) in [("first", 1), ("repeated", 1), ("reused", 1), ("in_flight", 0)] {
        assert!(text.contains(&format!("paceline_http_idempotency_keys_total{{key=\"{key}\"}} {count}\n")), "{text}");
    }
}

/// Where a test's log goes.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn a_request_is_one_log_line_without_phones_texts_or_keys() {
    // While a process has one subscriber only, a line that another thread meets first is decided without asking it.
    let _another = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::new());
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().json().with_writer(log.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let app = App::start().await;
    app.sender("+15550100").await;
    let call = app.post("/v1/messages").json(&json!({ "to": "+4915112000001", "text": "a secret" }));
    let answer = call.key("my-key-4711").send().await;
    app.show("/v1/suppressions?phone=%2B4915112000001").send().await;
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let id = answer.header("x-request-id");
    assert!(id.starts_with("req_"));
    let lines: Vec<_> = text.lines().filter(|line| line.contains(id) && line.contains("answered")).collect();
    assert_eq!(lines.len(), 1, "{text}");
    let line: serde_json::Value = serde_json::from_str(lines[0]).unwrap();
    let fields = &line["fields"];
    assert_eq!((&fields["http.route"], &fields["http.status"]), (&json!("/v1/messages"), &json!(201)));
    assert!(fields["duration_ms"].is_u64(), "{line}");
    for secret in ["15112000001", "15550100", "a secret", "my-key-4711", app.key.as_str()] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}
