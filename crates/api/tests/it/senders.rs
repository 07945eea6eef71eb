//! Senders and pools.

use paceline_domain::{ResultBody, SessionChange, SessionState};
use serde_json::json;

use crate::app::App;

#[tokio::test]
async fn a_sender_is_added_with_defaults() {
    let app = App::start().await;
    let answer = app.post("/v1/senders").json(&json!({ "phone": "+15550100", "seed": 7 })).send().await;
    assert_eq!(answer.status, 201);
    let mut sender = answer.json();
    let id = sender["id"].as_str().unwrap().to_owned();
    assert_eq!(app.show(&format!("/v1/senders/{id}")).send().await.json(), sender);
    sender["id"] = json!("snd_…");
    insta::assert_json_snapshot!(sender, @r#"
    {
      "allowed_actions": [
        "pause",
        "remove"
      ],
      "channel": "simulator",
      "created_at": "2026-03-02T12:00:00Z",
      "id": "snd_…",
      "last_sent_at": null,
      "lease": null,
      "name": "+15550100",
      "pace": {
        "daily_cap": 200,
        "day": "2026-03-02",
        "left_today": 200,
        "next_slot": null,
        "spent_today": 0
      },
      "phone": "+15550100",
      "pools": [
        "default"
      ],
      "profile": "gentle",
      "seed": 7,
      "session": {
        "detail": null,
        "since": null,
        "state": "unpaired"
      },
      "state": "active",
      "suspension": null,
      "timezone": "UTC",
      "why": {
        "code": "sender_without_worker",
        "detail": "No worker process works for the sender.",
        "until": null
      }
    }
    "#);
}

#[tokio::test]
async fn a_phone_that_is_not_e164_is_422_and_one_that_is_taken_is_409() {
    let app = App::start().await;
    for phone in ["15550100", "+1 555 0100", "+0155501000", "", "+1555010012345678"] {
        let answer = app.post("/v1/senders").json(&json!({ "phone": phone })).send().await;
        assert_eq!((answer.status, &answer.problem()["errors"][0]["pointer"]), (422, &json!("/phone")), "{phone}");
    }
    app.sender("+15550100").await;
    let answer = app.post("/v1/senders").json(&json!({ "phone": "+15550100" })).send().await;
    assert_eq!((answer.status, answer.slug().as_str()), (409, "sender-taken"));
}

#[tokio::test]
async fn unknown_settings_are_refused_all_at_once_with_what_is_known() {
    let app = App::start().await;
    let body = json!({ "phone": "+15550100", "channel": "cloud", "profile": "wild", "timezone": "Mars/Olympus", "pools": [""] });
    let answer = app.post("/v1/senders").json(&body).send().await;
    insta::assert_json_snapshot!(answer.problem()["errors"], @r#"
    [
      {
        "detail": "the channel cloud is not available yet; use simulator",
        "pointer": "/channel"
      },
      {
        "detail": "\"Mars/Olympus\" is not an IANA time zone such as Europe/Berlin",
        "pointer": "/timezone"
      },
      {
        "detail": "there is no profile \"wild\"; known are brisk, gentle, unlimited",
        "pointer": "/profile"
      },
      {
        "detail": "must not be blank",
        "pointer": "/pools/0"
      }
    ]
    "#);
}

#[tokio::test]
async fn a_sender_is_paused_resumed_and_removed() {
    let app = App::start().await;
    let id = app.sender("+15550100").await;
    let path = format!("/v1/senders/{id}");
    for (verb, state) in [("pause", "paused"), ("pause", "paused"), ("resume", "active")] {
        assert_eq!(app.post(&format!("{path}/{verb}")).send().await.json()["state"], state);
    }
    assert_eq!(app.show("/v1/pools").send().await.json()["items"], json!([{ "name": "default", "active_senders": 1 }]));
    assert_eq!(app.delete(&path).send().await.status, 204);
    assert_eq!(app.delete(&path).send().await.status, 204, "removed is removed");
    assert_eq!(app.show(&path).send().await.json()["state"], "removed");
    assert_eq!(app.post(&format!("{path}/resume")).send().await.slug(), "sender-removed");
    assert_eq!(app.show("/v1/senders").send().await.json()["items"], json!([]));
}

#[tokio::test]
async fn a_sender_is_found_by_its_number_however_the_plus_is_written() {
    let app = App::start().await;
    let id = app.sender("+15550100").await;
    app.sender("+15550101").await;
    for query in ["phone=%2B15550100", "phone=+15550100"] {
        let found = app.show(&format!("/v1/senders?{query}")).send().await.json();
        assert_eq!(found["items"].as_array().unwrap().len(), 1, "{query}");
        assert_eq!(found["items"][0]["id"], id);
    }
    let none = app.show("/v1/senders?phone=%2B15550109").send().await.json();
    assert_eq!(none["items"], json!([]));
}

#[tokio::test]
async fn the_pairing_code_shows_while_pairing_only() {
    let app = App::start().await;
    let id = app.sender("+15550100").await;
    let session = |state, code: Option<&str>| {
        let pairing_code = code.map(str::to_owned);
        ResultBody::Session(SessionChange { state, pairing_code, until: None, detail: None })
    };
    let sender = id.parse().unwrap();
    app.apply(sender, session(SessionState::Pairing, Some("2@code"))).await;
    let pairing = app.show(&format!("/v1/senders/{id}/pairing")).send().await.json();
    assert_eq!((&pairing["state"], &pairing["code"]), (&json!("pairing"), &json!("2@code")));
    app.clock.advance(chrono::TimeDelta::seconds(1));
    app.apply(sender, session(SessionState::Connected, None)).await;
    let pairing = app.show(&format!("/v1/senders/{id}/pairing")).send().await.json();
    assert_eq!((&pairing["state"], &pairing["code"]), (&json!("connected"), &json!(null)));
}

#[tokio::test]
async fn profile_pools_and_name_of_a_sender_are_changed_and_nothing_else() {
    let app = App::start().await;
    let id = app.sender("+15550100").await;
    app.connect(&id).await;
    let path = format!("/v1/senders/{id}");
    let before = app.show(&path).send().await.json();
    let change = json!({ "profile": "brisk", "pools": ["b", "a", "b"], "name": "Front desk" });
    let answer = app.patch(&path).json(&change).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let after = app.show(&path).send().await.json();
    assert_eq!((&after["profile"], &after["name"]), (&json!("brisk"), &json!("Front desk")));
    assert_eq!(after["pools"], json!(["a", "b"]));
    for same in ["id", "phone", "channel", "timezone", "seed", "state", "session", "lease", "created_at"] {
        assert_eq!(after[same], before[same], "{same}");
    }
    let unchanged = app.patch(&path).json(&json!({})).send().await;
    assert_eq!((unchanged.status, &unchanged.json()["profile"]), (200, &json!("brisk")));
    for (bad, pointer) in [
        (json!({ "profile": "none" }), "/profile"),
        (json!({ "pools": [] }), "/pools"),
        (json!({ "pools": [" "] }), "/pools/0"),
        (json!({ "name": "" }), "/name"),
        (json!({ "phone": "+15550101" }), "phone"),
    ] {
        let refused = app.patch(&path).json(&bad).send().await;
        assert_eq!(refused.status, 422, "{bad}");
        assert!(refused.text().contains(pointer), "{bad}: {}", refused.text());
    }
    app.delete(&path).send().await;
    assert_eq!(app.patch(&path).json(&json!({ "name": "x" })).send().await.slug(), "sender-removed");
    let strange = format!("/v1/senders/snd_{}", "0".repeat(32));
    assert_eq!(app.patch(&strange).json(&json!({ "name": "x" })).send().await.slug(), "not-found");
}
