//! The admin calls over HTTP.

use reqwest::{Client as Http, StatusCode};
use serde_json::{Value, json};

use paceline_simulator::{Acceptance, Exposure, PairingOptions, Simulator, SimulatorOptions, StartError};

use crate::world::{Client, PERSON, Place, SENDER, say, world};

async fn read(url: String) -> Value {
    let answer = http().get(url).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
    answer.json().await.expect("JSON")
}

async fn post(url: String, body: &Value) -> (StatusCode, Value) {
    let answer = http()
        .post(url)
        .header("content-type", "application/json")
        .body(body.to_string())
        .send()
        .await
        .expect("an answer");
    let status = answer.status();
    let text = answer.text().await.expect("a body");
    (status, if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("JSON") })
}

fn http() -> Http {
    // The second test of a process finds it installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Http::builder().no_proxy().build().expect("a client")
}

#[tokio::test]
async fn the_journal_is_read_over_http_from_any_line() {
    let (simulator, _place) = world().await;
    let (mut client, _) = Client::pair(&simulator, SENDER).await;
    for id in ["A", "B", "C"] {
        client.send_acked(PERSON, id).await;
    }
    let url = simulator.operator_url();
    let text =
        http().get(format!("{url}/journal?after=1")).send().await.expect("an answer").text().await.expect("text");
    let ids: Vec<_> =
        text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")["id"].clone()).collect();
    assert_eq!(ids, ["B", "C"]);
    let summary = read(format!("{url}/journal/summary")).await;
    assert_eq!(summary["physical_sends"], 3);
    assert_eq!(summary["duplicates"], 0);
    let whole = http().get(format!("{url}/journal")).send().await.expect("an answer").text().await.expect("text");
    assert_eq!(whole.lines().count(), 3);
}

#[tokio::test]
async fn metrics_are_rendered_from_the_journals_figures_by_whoever_asked_for_them() {
    let place = Place::new();
    let render = |summary: &paceline_simulator::JournalSummary| format!("sends {}\n", summary.physical_sends);
    let options = SimulatorOptions { metrics: Some(std::sync::Arc::new(render)), ..place.options() };
    let simulator = Simulator::start(options).await.expect("starts");
    let (mut client, _) = Client::pair(&simulator, SENDER).await;
    client.send_acked(PERSON, "A").await;
    let url = format!("{}/metrics", simulator.operator_url());
    let answer = http().get(&url).send().await.expect("an answer");
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4");
    assert_eq!(answer.text().await.expect("text"), "sends 1\n");

    let (without, _place) = world().await;
    let answer = http().get(format!("{}/metrics", without.operator_url())).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_phone_accepts_a_code_over_http() {
    let place = Place::new();
    let pairing = PairingOptions { acceptance: Acceptance::ByCall, ..PairingOptions::default() };
    let simulator = Simulator::start(SimulatorOptions { pairing, ..place.options() }).await.expect("starts");
    let accept = format!("{}/phones/{SENDER}/accept", simulator.operator_url());
    assert_eq!(post(accept.clone(), &json!({"code": "x"})).await.0, StatusCode::NOT_FOUND);
    let mut client = Client::hello(&simulator, SENDER, None).await;
    let code = client.next_with("pairing").await["pairing"]["code"].clone();
    let (status, problem) = post(accept.clone(), &json!({"code": "x"})).await;
    assert_eq!((status, &problem["type"]), (StatusCode::CONFLICT, &json!("code-expired")));
    assert_eq!(post(accept, &json!({"code": code})).await.0, StatusCode::NO_CONTENT);
    client.next_with("welcome").await;
    let senders = read(format!("{}/senders", simulator.operator_url())).await;
    assert_eq!(senders["senders"][0]["state"], "connected");
}

#[tokio::test]
async fn a_sender_is_logged_out_over_http() {
    let (simulator, _place) = world().await;
    let (mut client, _) = Client::pair(&simulator, SENDER).await;
    let url = format!("{}/senders/{SENDER}/logout", simulator.operator_url());
    assert_eq!(post(url, &json!({})).await.0, StatusCode::NO_CONTENT);
    assert_eq!(client.next_with("over").await["over"]["reason"], "logged_out");
    let senders = read(format!("{}/senders", simulator.operator_url())).await;
    assert_eq!(senders["senders"][0]["state"], "logged_out");
}

#[tokio::test]
async fn a_person_writes_and_shows_what_they_saw() {
    let (simulator, _place) = world().await;
    let (mut client, _) = Client::pair(&simulator, SENDER).await;
    let url = simulator.operator_url();
    let (status, written) = post(format!("{url}/people/{PERSON}/write"), &json!({"to": SENDER, "text": "STOP"})).await;
    assert_eq!(status, StatusCode::CREATED);
    let heard = client.next_events(1).await;
    assert_eq!((say(&heard[0]), &heard[0]["inbound"]["id"]), (format!("inbound {PERSON} STOP"), &written["id"]));
    client.send_acked(PERSON, "A").await;
    let inbox = read(format!("{url}/people/{PERSON}/inbox")).await;
    assert_eq!((&inbox["messages"][0]["id"], &inbox["messages"][0]["text"]), (&json!("A"), &json!("text of A")));
    let (status, _) = post(format!("{url}/people/{PERSON}/write"), &json!({"to": "+15559999", "text": "hi"})).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "nobody has that number");
    assert_eq!(read(format!("{url}/people/+15550203")).await["on_whatsapp"], false);
}

#[tokio::test]
async fn faults_are_added_listed_and_removed_over_http() {
    let (simulator, _place) = world().await;
    let (mut client, _) = Client::pair(&simulator, SENDER).await;
    let url = format!("{}/faults", simulator.operator_url());
    let reject = json!({"kind": "reject", "reason": "refused", "sender": SENDER, "count": 1});
    let (status, added) = post(url.clone(), &reject).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(client.send_refused(PERSON, "A").await["reason"], "refused");
    let faults = read(url.clone()).await;
    assert_eq!((&faults["faults"][0]["id"], &faults["faults"][0]["struck"]), (&added["id"], &json!(1)));
    let removed = http().delete(format!("{url}/{}", added["id"])).send().await.expect("an answer");
    assert_eq!(removed.status(), StatusCode::NO_CONTENT);
    let removed = http().delete(format!("{url}/{}", added["id"])).send().await.expect("an answer");
    assert_eq!(removed.status(), StatusCode::NOT_FOUND);
    assert_eq!(http().delete(url).send().await.expect("an answer").status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn what_is_not_a_fault_is_refused_with_the_reason() {
    let (simulator, _place) = world().await;
    let url = format!("{}/faults", simulator.operator_url());
    for (body, expected) in [
        (json!({"kind": "lose_ack", "surprise": 1}), "unknown field `surprise`"),
        (json!({"kind": "earthquake"}), "unknown variant `earthquake`"),
        (json!({"kind": "slow_ack"}), "needs `delay_ms`"),
        (json!({"kind": "lose_ack", "delay_ms": 5}), "`delay_ms` has no meaning for `lose_ack`"),
        (json!({"kind": "lose_ack", "probability": 1.5}), "between 0 and 1"),
        (json!({"kind": "lose_ack", "count": 0}), "at least 1"),
        (json!({"kind": "temporary_ban"}), "either `until` or `seconds`"),
        (json!({"kind": "reject"}), "needs a `reason`"),
        (json!({"kind": "repeats_delivered", "count": 1}), "holds until it is removed"),
        (json!({"kind": "lose_ack", "sender": "5550100"}), "E.164"),
        (json!("lose_ack"), "invalid type"),
    ] {
        let (status, problem) = post(url.clone(), &body).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        let detail = problem["detail"].as_str().expect("a detail");
        assert!(detail.contains(expected), "{body}: {detail}");
    }
    assert!(simulator.list_faults().is_empty());
}

#[tokio::test]
async fn health_and_pending_are_told_over_http() {
    let (simulator, _place) = world().await;
    assert_eq!(read(format!("{}/healthz", simulator.operator_url())).await, json!({"status": "ok"}));
    let pending = read(format!("{}/pending", simulator.operator_url())).await;
    assert_eq!(pending, json!({"scheduled": 0, "unacknowledged": 0, "next_at": null}));
}

#[tokio::test]
async fn it_listens_beyond_loopback_only_when_told_to() {
    let place = Place::new();
    let everywhere = SimulatorOptions { listen: "0.0.0.0:0".parse().expect("an address"), ..place.options() };
    let refused = Simulator::start(everywhere.clone()).await.err();
    assert!(matches!(refused, Some(StartError::Exposed(_))));
    let allowed = SimulatorOptions { exposure: Exposure::AnyAddress, ..everywhere };
    Simulator::start(allowed).await.expect("starts").stop().await;
}

#[tokio::test]
async fn nobody_calls_without_the_token_and_no_page_calls_at_all() {
    let (simulator, place) = world().await;
    let url = simulator.url();
    let fault = json!({ "fault": "ban", "sender": SENDER }).to_string();
    for path in ["/journal", "/journal/summary", "/senders", "/faults", "/pending", "/people/+15550177/inbox"] {
        let answer = http().get(format!("{url}{path}")).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
    let post = |path: &str| http().post(format!("{url}{path}")).header("content-type", "application/json");
    for path in ["/faults", "/people/+15550177/write", "/phones/+15550100/accept", "/senders/+15550100/logout"] {
        let answer = post(path).body(fault.clone()).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
        let answer = post(path).bearer_auth("guessed").body(fault.clone()).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
    let token = std::fs::read_to_string(place.journal().with_extension("token")).expect("the token is kept");
    let with_token = || http().get(format!("{url}/senders")).bearer_auth(&token);
    assert_eq!(with_token().send().await.expect("an answer").status(), StatusCode::OK);
    for (name, value) in [
        ("origin", "http://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("host", "evil.example"),
    ] {
        let answer = with_token().header(name, value).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{name}: {value}");
    }
    let form = http().post(format!("{url}/faults")).bearer_auth(&token).header("content-type", "text/plain");
    let answer = form.body(fault).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    // The session protocol gives credentials away, so that it too is for no page.
    for (name, value) in [("origin", "http://evil.example"), ("host", "evil.example")] {
        let upgrade = http()
            .get(format!("{url}/session"))
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header(name, value);
        assert_eq!(upgrade.send().await.expect("an answer").status(), StatusCode::FORBIDDEN, "{name}");
    }
}

#[tokio::test]
async fn what_the_network_keeps_is_closed_to_others() {
    use std::os::unix::fs::PermissionsExt as _;
    let (simulator, place) = world().await;
    for kept in
        [place.journal(), place.journal().with_extension("state.ndjson"), place.journal().with_extension("token")]
    {
        let mode = std::fs::metadata(&kept).expect("it is kept").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", kept.display());
    }
    simulator.stop().await;
}
