//! Previews: what is shown is what is sent.

use serde_json::{Value, json};

use crate::app::{App, phone};

#[tokio::test]
async fn a_preview_shows_what_planning_will_plan() {
    let app = App::start().await;
    app.sender("+15550100").await;
    let id = app.draft("{Hi|Hello|Hey|Dear} {{ name }}, {bye|so long|cheers}").await;
    let rows: Vec<_> = (0..12).map(|index| format!("{},Name {index}", phone(index))).collect();
    app.upload(&id, &format!("phone,name\n{}\n", rows.join("\n"))).await;
    let preview = app.post(&format!("/v1/campaigns/{id}/preview")).send().await.json();
    let rows = preview["rows"].as_array().unwrap().clone();
    assert_eq!(rows.len(), 10, "{preview}");
    assert_eq!((&preview["columns"], &preview["missing_variables"]), (&json!(["name"]), &json!([])));

    app.post(&format!("/v1/campaigns/{id}/start")).send().await;
    app.plan().await;
    let planned = app.show(&format!("/v1/campaigns/{id}/messages")).send().await.json();
    let text_of = |row: &Value| {
        let messages = planned["items"].as_array().unwrap();
        messages.iter().find(|message| message["row"] == row["row"]).unwrap()["text"].clone()
    };
    for row in &rows {
        assert_eq!(row["text"], text_of(row), "row {}", row["row"]);
    }
    let different: std::collections::BTreeSet<_> =
        rows.iter().map(|row| row["text"].as_str().unwrap().split(' ').next().unwrap().to_owned()).collect();
    assert!(different.len() > 1, "variants vary between people: {different:?}");
}

#[tokio::test]
async fn rows_that_will_not_be_sent_say_why() {
    let app = App::start().await;
    let id = app.draft("Hi {{ name }}").await;
    app.post("/v1/suppressions").json(&json!({ "phone": phone(3), "scope": "marketing" })).send().await;
    let csv = format!("phone,name\n{},Ada\nnonsense,Bob\n{},\n{},Eve\n", phone(1), phone(2), phone(3));
    app.upload(&id, &csv).await;
    let preview = app.post(&format!("/v1/campaigns/{id}/preview")).send().await.json();
    let rows = preview["rows"].as_array().unwrap();
    let told: Vec<_> = rows.iter().map(|row| (row["text"].as_str(), row["exclusion"]["reason"].as_str())).collect();
    assert_eq!(
        told,
        [
            (Some("Hi Ada"), None),
            (None, Some("invalid_phone")),
            (None, Some("missing_variable")),
            (None, Some("suppressed"))
        ]
    );
    assert_eq!(rows[2]["exclusion"]["variable"], "name");
}

#[tokio::test]
async fn another_template_may_be_tried_and_its_missing_variables_are_told() {
    let app = App::start().await;
    let id = app.draft("Hi").await;
    app.upload(&id, &format!("phone,name\n{},Ada\n", phone(1))).await;
    let path = format!("/v1/campaigns/{id}/preview");
    let preview = app.post(&path).json(&json!({ "template": "{{ name }} of {{ town }}" })).send().await.json();
    assert_eq!(preview["missing_variables"], json!(["town"]));
    assert_eq!(preview["rows"][0]["exclusion"]["variable"], "town");
    let answer = app.post(&path).json(&json!({ "template": "{{ name" })).send().await;
    assert_eq!(answer.slug(), "template-syntax");
    assert_eq!(app.show(&format!("/v1/campaigns/{id}")).send().await.json()["template"], "Hi");
}
