//! What a file says, as its owner means it; and what it would bring, before any of it is kept.

use axum::body::Body;
use serde_json::{Value, json};

use crate::app::{Answer, App, phone};

async fn check(app: &App, query: &str, content_type: &str, body: impl Into<Body>) -> Answer {
    app.post(&format!("/v1/audience/check{query}")).header("content-type", content_type).body(body).send().await
}

async fn upload(app: &App, id: &str, content_type: &str, body: impl Into<Body>) -> Value {
    let path = format!("/v1/campaigns/{id}/recipients");
    app.post(&path).header("content-type", content_type).body(body).send().await.json()
}

#[tokio::test]
async fn a_check_tells_what_an_upload_would_bring_and_keeps_nothing() {
    let app = App::start().await;
    let file = "sep=;\r\nphone;First Name\r\n4915112345678;Anna\r\n+5215512345678;Ana\r\n+525512345678;Ana\r\n\
                12;Bo\r\n+4915112345679;\"Cy\r\n+4915112345680;\r\n";
    let query = "?default_region=DE&template=Hi+%7B%7B+first_name+%7D%7D+%5BFirst+Name%5D";
    let answer = check(&app, query, "text/csv", file).await;
    insta::assert_json_snapshot!(answer.json(), @r#"
    {
      "accepted": 3,
      "aliases": {
        "First Name": "first_name"
      },
      "columns": [
        "First Name"
      ],
      "errors": [
        {
          "detail": "the same person stands in row 2",
          "line": 5,
          "reason": "duplicate",
          "row": 3
        },
        {
          "detail": "not a phone number: too short",
          "line": 6,
          "reason": "invalid_phone",
          "row": 4
        },
        {
          "detail": "a quote that is opened on line 7 is never closed",
          "line": 7,
          "reason": "malformed_row",
          "row": 5
        }
      ],
      "excluded": {
        "duplicate": 1,
        "invalid_phone": 1,
        "malformed_row": 1
      },
      "missing_variables": [],
      "mistakes": [
        {
          "column": 21,
          "line": 1,
          "message": "[First Name] is sent as it stands; write {{ first_name }} for the column, or {{ \"[First Name]\" }} for the text"
        }
      ],
      "read_as": {
        "delimiter": ";",
        "encoding": "UTF-8",
        "phone_column": "phone"
      },
      "rows": 6,
      "texts": [
        {
          "detail": null,
          "phone": "+4915112345678",
          "row": 1,
          "text": "Hi Anna [First Name]"
        },
        {
          "detail": null,
          "phone": "+525512345678",
          "row": 2,
          "text": "Hi Ana [First Name]"
        },
        {
          "detail": "no value for \"first_name\"",
          "phone": "+4915112345680",
          "row": 6,
          "text": null
        }
      ]
    }
    "#);
    assert_eq!(app.show("/v1/campaigns").send().await.json()["items"], json!([]));
    assert_eq!(check(&app, "", "text/csv", "name\nAda\n").await.slug(), "unreadable-audience");
    assert_eq!(check(&app, "", "text/csv", "phone\n").await.problem()["reason"], "no_rows");
    assert_eq!(check(&app, "?default_region=XX", "text/csv", "phone\n1\n").await.status, 422);
    assert_eq!(check(&app, "?template=%7B%7B", "text/csv", "phone\n1\n").await.slug(), "template-syntax");
}

#[tokio::test]
async fn the_encoding_is_the_declared_one_or_told() {
    let app = App::start().await;
    let id = app.draft("Hi {{ name }}").await;
    let file = |name: &[u8], number: usize| [b"phone,name\n", phone(number).as_bytes(), b",", name, b"\n"].concat();
    let guessed = upload(&app, &id, "text/csv", file(b"J\xFCrgen M\xFCller", 1)).await;
    assert_eq!(guessed["read_as"]["encoding"], "windows-1252", "{guessed}");
    let declared = upload(&app, &id, "text/csv; charset=\"iso-8859-2\"", file(b"\xA3ukasz", 2)).await;
    assert_eq!(declared["read_as"]["encoding"], "ISO-8859-2", "{declared}");
    let preview = app.post(&format!("/v1/campaigns/{id}/preview")).send().await.json();
    let texts: Vec<_> = preview["rows"].as_array().unwrap().iter().map(|row| row["text"].clone()).collect();
    assert_eq!(texts, ["Hi Jürgen Müller", "Hi Łukasz"]);
    let mixed = [file("José".as_bytes(), 3), file(b"Jos\xE9", 4)].concat();
    let path = format!("/v1/campaigns/{id}/recipients");
    let refused = app.post(&path).header("content-type", "text/csv").body(mixed).send().await;
    assert_eq!((refused.status, refused.problem()["reason"].clone()), (422, json!("mixed_encodings")));
}

#[tokio::test]
async fn a_placeholder_of_another_program_does_not_start() {
    let app = App::start().await;
    app.sender("+15550100").await;
    let id = app.draft("Hi {name|there}").await;
    app.upload(&id, &format!("phone,name\n{},Ada\n", phone(1))).await;
    let preview = app.post(&format!("/v1/campaigns/{id}/preview")).send().await.json();
    assert_eq!(preview["mistakes"][0]["column"], 5, "{preview}");
    let refused = app.post(&format!("/v1/campaigns/{id}/start")).send().await;
    assert_eq!((refused.status, refused.slug().as_str()), (422, "template-syntax"), "{}", refused.text());
    let body = json!({ "template": "Hi {{ Name or 'there' }}" });
    assert_eq!(app.patch(&format!("/v1/campaigns/{id}")).json(&body).send().await.status, 200);
    assert_eq!(app.post(&format!("/v1/campaigns/{id}/start")).send().await.slug(), "missing-variables");
    let body = json!({ "template": "Hi {{ name or 'there' }}" });
    assert_eq!(app.patch(&format!("/v1/campaigns/{id}")).json(&body).send().await.status, 200);
    assert_eq!(app.post(&format!("/v1/campaigns/{id}/start")).send().await.status, 200);
}

#[tokio::test]
async fn an_opt_out_holds_for_both_numbers_of_a_phone() {
    let app = App::start().await;
    let added = app.post("/v1/suppressions").json(&json!({ "phone": "+5215512345678" })).send().await;
    assert_eq!((added.status, added.json()["phone"].clone()), (201, json!("+525512345678")), "{}", added.text());
    let found = app.show("/v1/suppressions?phone=%2B5215512345678").send().await.json();
    assert_eq!(found["items"].as_array().map(Vec::len), Some(1), "{found}");
    let id = app.draft("Hi").await;
    upload(&app, &id, "text/csv", "phone\n+525512345678\n+5215512345678\n").await;
    let preview = app.post(&format!("/v1/campaigns/{id}/preview")).send().await.json();
    let reasons: Vec<_> =
        preview["rows"].as_array().unwrap().iter().map(|row| row["exclusion"]["reason"].clone()).collect();
    assert_eq!(reasons, ["suppressed", "duplicate"], "{preview}");
}
