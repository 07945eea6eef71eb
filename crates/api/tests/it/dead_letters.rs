//! Dead letters over the API: what they hold is shown only when asked, and replaying does no harm.

use chrono::TimeDelta;
use paceline_domain::{Address, Clock, DeadLetterId, DeathReason, Inbound, ResultBody, SenderId, WaId, WorkerResult};
use paceline_store::{
    dead_letters::{DeadBody, DeadLetterSink, NewDeadLetter},
    results::{OptOut, ResultToApply},
};
use serde_json::json;

use crate::app::{App, OK, phone};

const TEXT: &str = "please stop writing";

async fn record(app: &App, reason: DeathReason, body: DeadBody) -> DeadLetterId {
    let id = app.minter.mint(app.clock.now());
    let letter = NewDeadLetter { id, reason, body };
    app.store.record_dead_letters(&[letter], app.clock.now() + TimeDelta::minutes(1)).await.unwrap();
    id
}

/// A message of a person that the store refused, and asks not to be contacted.
fn opt_out(app: &App, sender: SenderId) -> DeadBody {
    let from = Address::phone(phone(1).parse().unwrap());
    let inbound = Inbound { id: WaId::from_network("in-1"), from, text: TEXT.to_owned() };
    let result = WorkerResult { sender, at: app.clock.now(), body: ResultBody::Inbound(inbound) };
    DeadBody::Result(Box::new(ResultToApply { result, opt_out: OptOut::Yes }))
}

#[tokio::test]
async fn a_dead_letter_shows_its_text_only_when_asked() {
    let app = App::start().await;
    let sender = app.sender("+15550100").await;
    let id = record(&app, DeathReason::Refused, opt_out(&app, sender.parse().unwrap())).await;
    let listed = app.show("/v1/dead-letters").send().await;
    assert!(!listed.text().contains(TEXT) && !listed.text().contains("4915112"), "{}", listed.text());
    let letter = &listed.json()["items"][0];
    assert_eq!((&letter["id"], &letter["kind"], &letter["reason"]), (&json!(id), &json!("result"), &json!("refused")));
    assert_eq!((&letter["result"], &letter["sender_id"]), (&json!("inbound"), &json!(sender)));
    assert_eq!(letter["replayed_at"], json!(null));
    let asked = app.show("/v1/dead-letters?include=body").send().await.json();
    assert_eq!(asked["items"][0]["body"]["body"]["text"], TEXT);
}

#[tokio::test]
async fn a_replayed_letter_is_applied_and_leaves_the_list() {
    let app = App::start().await;
    let sender = app.sender("+15550100").await;
    let id = record(&app, DeathReason::Refused, opt_out(&app, sender.parse().unwrap())).await;
    for _ in 0..2 {
        let answer = app.post(&format!("/v1/dead-letters/{id}/replay")).send().await;
        assert_eq!(answer.status, OK, "{}", answer.text());
        assert!(answer.json()["replayed_at"].is_string());
        assert!(!answer.text().contains(TEXT));
    }
    let suppressed = app.show("/v1/suppressions").send().await.json();
    assert_eq!(suppressed["items"].as_array().unwrap().len(), 1, "the person has opted out");
    assert_eq!(app.show("/v1/dead-letters").send().await.json()["items"], json!([]));
    assert_eq!(app.show("/v1/dead-letters?show=all").send().await.json()["items"][0]["id"], json!(id));
}

#[tokio::test]
async fn what_nobody_can_read_is_shown_to_all_without_its_bytes_and_refused() {
    let app = App::start().await;
    let id = record(&app, DeathReason::Unreadable, DeadBody::Unreadable(b"secret".to_vec())).await;
    let listed = app.show("/v1/dead-letters?include=body").send().await.json();
    assert_eq!((&listed["items"][0]["kind"], listed["items"][0].get("body")), (&json!("unreadable"), None));
    let refused = app.post(&format!("/v1/dead-letters/{id}/replay")).send().await;
    assert_eq!((refused.status, refused.slug().as_str()), (409, "dead-letter-unreadable"));
    let unknown = app.post("/v1/dead-letters/dlt_00000000000000000000000000000000/replay").send().await;
    assert_eq!(unknown.status, 404);
    assert_eq!(app.show("/v1/dead-letters?show=some").send().await.status, 422);
}
