//! Who must not be contacted.

use serde_json::json;

use crate::app::{App, phone};

#[tokio::test]
async fn a_suppression_is_added_found_listed_and_removed() {
    let app = App::start().await;
    let body = json!({ "phone": phone(1), "scope": "marketing" });
    let answer = app.post("/v1/suppressions").json(&body).send().await;
    let added = answer.json();
    assert_eq!((answer.status, &added["reason"], &added["cancelled"]), (201, &json!("manual"), &json!(0)));
    let found = app.show(&format!("/v1/suppressions?phone={}", phone(1))).send().await.json();
    assert_eq!(found["items"][0]["id"], added["id"]);
    let listed = app.show("/v1/suppressions").send().await.json();
    assert_eq!((&listed["items"][0]["phone"], &listed["next_cursor"]), (&json!(phone(1)), &json!(null)));

    let again = app.post("/v1/suppressions").json(&json!({ "phone": phone(1), "scope": "all" })).send().await;
    let widened = again.json();
    assert_eq!((again.status, &widened["id"], &widened["scope"]), (200, &added["id"], &json!("all")));

    let path = format!("/v1/suppressions/{}", added["id"].as_str().unwrap());
    assert_eq!(app.delete(&path).send().await.status, 204);
    assert_eq!(app.delete(&path).send().await.slug(), "not-found");
    let found = app.show(&format!("/v1/suppressions?phone={}", phone(1))).send().await.json();
    assert_eq!(found["items"], json!([]));
}

#[tokio::test]
async fn what_waits_for_a_suppressed_person_is_cancelled_and_counted() {
    let app = App::start().await;
    app.sender("+15550100").await;
    let sent = app.post("/v1/messages").json(&json!({ "to": phone(1), "text": "Hi" })).send().await.json();
    let added = app.post("/v1/suppressions").json(&json!({ "phone": phone(1) })).send().await.json();
    assert_eq!(added["cancelled"], 1);
    let story = app.show(&format!("/v1/messages/{}", sent["id"].as_str().unwrap())).send().await.json();
    assert_eq!((&story["state"], &story["why"]["code"]), (&json!("cancelled"), &json!("suppressed")));
}

#[tokio::test]
async fn a_suppression_needs_a_phone_and_known_words() {
    let app = App::start().await;
    for (body, pointer) in [
        (json!({ "phone": "nobody" }), "/phone"),
        (json!({ "phone": "030 1234567" }), "/phone"),
        (json!({ "phone": phone(1), "scope": "some" }), "/scope"),
        (json!({ "phone": "030 901820", "default_region": "Germany" }), "/default_region"),
    ] {
        let answer = app.post("/v1/suppressions").json(&body).send().await;
        assert_eq!((answer.status, &answer.problem()["errors"][0]["pointer"]), (422, &json!(pointer)), "{body}");
    }
    let body = json!({ "phone": "030 901820", "default_region": "DE" });
    let added = app.post("/v1/suppressions").json(&body).send().await.json();
    assert_eq!(added["phone"], "+4930901820");
}
