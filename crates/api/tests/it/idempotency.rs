//! `Idempotency-Key`: the first answer is the answer to every repetition.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use paceline_store::{
    idempotency::{IdempotencyClaim, IdempotencyStore},
    sweep::SweepStore,
};
use serde_json::{Value, json};

use crate::app::{App, broken_body, eventually, phone};

fn draft(name: &str) -> Value {
    json!({ "template": "Hi", "name": name })
}

#[tokio::test]
async fn a_repetition_gives_the_first_answer_and_does_nothing_again() {
    let app = App::start().await;
    let first = app.post("/v1/campaigns").json(&draft("a")).key("k1").send().await;
    assert_eq!((first.status, first.header("idempotency-replayed")), (201, ""));
    app.clock.advance(chrono::TimeDelta::minutes(1));
    let again = app.post("/v1/campaigns").json(&draft("a")).key("k1").send().await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, "true"));
    assert_eq!((again.header("content-type"), &again.body), (first.header("content-type"), &first.body));
    let other = app.post("/v1/campaigns").json(&draft("a")).key("k2").send().await;
    assert_ne!(other.json()["id"], first.json()["id"]);
    let listed = app.show("/v1/campaigns").send().await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn the_key_with_another_body_or_path_is_422() {
    let app = App::start().await;
    let id = app.post("/v1/campaigns").json(&draft("a")).key("k1").send().await.json()["id"].clone();
    let answer = app.post("/v1/campaigns").json(&draft("b")).key("k1").send().await;
    assert_eq!((answer.status, answer.slug().as_str()), (422, "idempotency-key-reused"));
    let answer = app.post(&format!("/v1/campaigns/{}/cancel", id.as_str().unwrap())).key("k1").send().await;
    assert_eq!((answer.status, answer.slug().as_str()), (422, "idempotency-key-reused"));
    let again = app.post("/v1/campaigns").json(&draft("a")).key("k1").send().await;
    assert_eq!(again.json()["id"], id, "the first answer stays");
}

#[tokio::test]
async fn a_refusal_is_an_answer_too() {
    let app = App::start().await;
    let body = json!({ "phone": "nobody" });
    let first = app.post("/v1/senders").json(&body).key("k1").send().await;
    let again = app.post("/v1/senders").json(&body).key("k1").send().await;
    assert_eq!((first.status, again.status), (422, 422));
    assert_eq!((again.header("idempotency-replayed"), &again.body), ("true", &first.body));
    assert_eq!(again.header("content-type"), "application/problem+json");
}

#[tokio::test]
async fn while_the_first_is_being_answered_a_repetition_is_409() {
    let app = App::start().await;
    let claim = IdempotencyClaim { workspace: app.workspace, key: "k1".into(), ttl: Duration::from_mins(1) };
    app.store.claim_idempotency_key(claim).await.unwrap();
    let answer = app.post("/v1/campaigns").json(&draft("a")).key("k1").send().await;
    assert_eq!((answer.status, answer.slug().as_str()), (409, "idempotency-key-in-flight"));
    assert_eq!(answer.header("retry-after"), "1");
    app.store.release_idempotency_key(app.workspace, "k1").await.unwrap();
    assert_eq!(app.post("/v1/campaigns").json(&draft("a")).key("k1").send().await.status, 201);
}

#[tokio::test]
async fn an_execution_after_a_crash_finds_what_the_first_one_made() {
    let app = App::start().await;
    app.sender("+15550100").await;
    let campaign = app.draft("Hi").await;
    let upload = format!("/v1/campaigns/{campaign}/recipients");
    let calls = || {
        [
            app.post("/v1/campaigns").json(&draft("a")),
            app.post("/v1/messages").json(&json!({ "to": phone(1), "text": "Hi" })),
            app.post("/v1/senders").json(&json!({ "phone": "+15550107" })),
            app.post("/v1/webhook-endpoints").json(&json!({ "url": "https://example.com/" })),
            app.post("/v1/suppressions").json(&json!({ "phone": phone(9) })),
            app.post(&upload).header("content-type", "text/csv").body(format!("phone\n{}\n", phone(2))),
        ]
    };
    let mut made = Vec::new();
    for (index, call) in calls().into_iter().enumerate() {
        let answer = call.key(&format!("key-{index}")).send().await;
        assert!(answer.status < 300, "{index}: {}", answer.text());
        made.push(answer);
    }
    forget_answers(&app).await;
    for (index, (call, first)) in calls().into_iter().zip(&made).enumerate() {
        let again = call.key(&format!("key-{index}")).send().await;
        assert_eq!((again.status, again.header("idempotency-replayed")), (first.status, ""), "{index}");
        let (first, again) = (first.json(), again.json());
        for member in ["id", "upload", "rows", "secret", "created_at"] {
            assert_eq!(again[member], first[member], "{index}: {member}");
        }
    }
    for (path, count) in [("/v1/campaigns", 2), ("/v1/messages", 1), ("/v1/senders", 2), ("/v1/webhook-endpoints", 1)] {
        let listed = app.show(path).send().await.json();
        assert_eq!(listed["items"].as_array().unwrap().len(), count, "{path}");
    }
    assert_eq!(app.show(&format!("/v1/campaigns/{campaign}")).send().await.json()["rows"], 1);
}

/// As if the server had died between doing and recording.
async fn forget_answers(app: &App) {
    eventually("the answers are purged", async || {
        app.store.purge_before(Duration::ZERO, 1_000).await.unwrap();
        let claim = IdempotencyClaim { workspace: app.workspace, key: "key-0".into(), ttl: Duration::from_mins(1) };
        let found = app.store.claim_idempotency_key(claim).await.unwrap();
        let purged = found == paceline_store::idempotency::ClaimOutcome::Claimed;
        if purged {
            app.store.release_idempotency_key(app.workspace, "key-0").await.unwrap();
        }
        purged
    })
    .await;
}

#[tokio::test]
async fn a_key_used_again_after_its_answer_was_purged_names_another_resource() {
    let app = App::start().await;
    let first = app.post("/v1/campaigns").json(&draft("a")).key("key-0").send().await.json();
    forget_answers(&app).await;
    let other = app.post("/v1/campaigns").json(&draft("b")).key("key-0").send().await.json();
    assert_ne!(first["id"], other["id"]);
}

#[tokio::test]
async fn an_upload_is_answered_once_and_its_body_compared() {
    let app = App::start().await;
    let id = app.draft("Hi").await;
    let path = format!("/v1/campaigns/{id}/recipients");
    let csv = |index| format!("phone\n{}\nbroken\n", phone(index));
    let upload = |body: String| app.post(&path).header("content-type", "text/csv").body(body).key("up").send();
    let first = upload(csv(1)).await;
    let again = upload(csv(1)).await;
    assert_eq!((first.status, again.header("idempotency-replayed"), &again.body), (200, "true", &first.body));
    assert_eq!(upload(csv(2)).await.slug(), "idempotency-key-reused");
    assert_eq!(app.show(&format!("/v1/campaigns/{id}")).send().await.json()["rows"], 2);
}

#[tokio::test]
async fn an_upload_that_broke_off_may_be_repeated_under_its_key() {
    let app = App::start().await;
    let id = app.draft("Hi").await;
    let path = format!("/v1/campaigns/{id}/recipients");
    let upload =
        |body: axum::body::Body| app.post(&path).header("content-type", "text/csv").body(body).key("up").send();
    let broken = upload(broken_body(vec!["phone\n", "+4915112000001\n"])).await;
    assert_eq!((broken.status, broken.slug().as_str()), (400, "unreadable-body"));
    let whole = upload("phone\n+4915112000001\n".into()).await;
    assert_eq!((whole.status, &whole.json()["accepted"]), (200, &json!(1)), "{}", whole.text());
}

#[tokio::test]
async fn a_refusal_before_the_body_was_read_is_kept_with_the_whole_body() {
    let app = App::start().await;
    let path = format!("/v1/campaigns/cmp_{}/recipients", "0".repeat(32));
    let upload = |body: &str| app.post(&path).header("content-type", "text/csv").body(body.to_owned()).key("up").send();
    assert_eq!(upload("phone\n1\n").await.slug(), "not-found");
    assert_eq!(upload("phone\n1\n").await.header("idempotency-replayed"), "true");
    assert_eq!(upload("phone\n2\n").await.slug(), "idempotency-key-reused");
}

#[tokio::test]
async fn a_key_must_be_visible_and_not_too_long() {
    let app = App::start().await;
    for key in ["", "a b", &"k".repeat(256)] {
        let answer = app.post("/v1/campaigns").json(&draft("a")).key(key).send().await;
        let problem = answer.problem();
        assert_eq!((answer.status, &problem["errors"][0]["header"]), (422, &json!("Idempotency-Key")), "{key:?}");
    }
    let answer = app.post("/v1/campaigns").json(&draft("a")).key(&"k".repeat(255)).send().await;
    assert_eq!(answer.status, 201);
}

/// Hears the statements that the database's driver logs.
struct Statements(Arc<Mutex<Vec<String>>>);

impl tracing::Subscriber for Statements {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "sqlx::query"
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::Id {
        tracing::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::Id, _: &tracing::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }
    fn enter(&self, _: &tracing::Id) {}
    fn exit(&self, _: &tracing::Id) {}
}

struct Line(String);

impl tracing::field::Visit for Line {
    fn record_str(&mut self, field: &tracing::field::Field, value: &str) {
        if field.name() == "summary" {
            value.clone_into(&mut self.0);
        }
    }
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        if field.name() == "summary" {
            self.0 = format!("{value:?}");
        }
    }
}

#[tokio::test]
async fn a_single_message_with_a_key_costs_one_commit_and_no_other_read() {
    let app = App::start().await;
    app.sender("+15550100").await;
    let send = async |key: &str| {
        let answer = app.post("/v1/messages").json(&json!({ "to": phone(1), "text": "Hi" })).key(key).send().await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer
    };
    send("first").await;
    let heard = Arc::new(Mutex::new(Vec::new()));
    // The test has a process of its own.
    tracing::subscriber::set_global_default(Statements(Arc::clone(&heard))).unwrap();
    tracing::callsite::rebuild_interest_cache();
    send("second").await;
    let statements = heard.lock().unwrap().clone();
    let count = |word: &str| statements.iter().filter(|text| text.starts_with(word)).count();
    assert_eq!((count("BEGIN"), count("COMMIT")), (1, 1), "{statements:#?}");
    let begin = statements.iter().position(|text| text.starts_with("BEGIN")).unwrap();
    let commit = statements.iter().position(|text| text.starts_with("COMMIT")).unwrap();
    assert_eq!((begin, commit), (0, statements.len() - 1), "nothing is read outside of it: {statements:#?}");
    let replayed = send("second").await;
    assert_eq!(replayed.header("idempotency-replayed"), "true");
}

#[tokio::test]
async fn a_single_message_keeps_to_its_key_like_everything_else() {
    let app = App::start().await;
    app.sender("+15550100").await;
    let body = |text: &str| json!({ "to": phone(1), "text": text });
    let first = app.post("/v1/messages").json(&body("Hi")).key("k").send().await;
    assert_eq!((first.status, first.header("idempotency-replayed")), (201, ""));
    let again = app.post("/v1/messages").json(&body("Hi")).key("k").send().await;
    assert_eq!((again.status, again.header("idempotency-replayed"), &again.body), (201, "true", &first.body));
    for other in [body("Ho"), json!({ "to": "nobody" }), json!([])] {
        let reused = app.post("/v1/messages").json(&other).key("k").send().await;
        assert_eq!((reused.status, reused.slug().as_str()), (422, "idempotency-key-reused"), "{other}");
    }
    for (key, bad, status) in [
        ("bad", json!({ "to": "nobody", "text": "Hi" }), 422),
        ("none", json!({ "to": phone(1), "text": "Hi", "pool": "x" }), 409),
    ] {
        let refused = app.post("/v1/messages").json(&bad).key(key).send().await;
        let again = app.post("/v1/messages").json(&bad).key(key).send().await;
        assert_eq!((refused.status, again.status), (status, status), "{bad}");
        assert_eq!((refused.header("content-type"), &again.body), ("application/problem+json", &refused.body));
        assert_eq!((refused.header("idempotency-replayed"), again.header("idempotency-replayed")), ("", "true"));
    }
    let claim = IdempotencyClaim { workspace: app.workspace, key: "held".into(), ttl: Duration::from_mins(1) };
    app.store.claim_idempotency_key(claim).await.unwrap();
    let held = app.post("/v1/messages").json(&body("Hi")).key("held").send().await;
    assert_eq!(
        (held.status, held.slug().as_str(), held.header("retry-after")),
        (409, "idempotency-key-in-flight", "1")
    );
    let listed = app.show("/v1/messages").send().await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
}
