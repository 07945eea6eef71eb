//! Uploads of recipients: streamed, all or nothing.

use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::StreamExt;
use paceline_api::ApiOptions;
use paceline_store::recipients::{RecipientStore, UploadOpening};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::app::{Answer, App, broken_body, counts, eventually, noon, phone};

async fn upload(app: &App, id: &str, content_type: &str, body: impl Into<Body>) -> Answer {
    app.post(&format!("/v1/campaigns/{id}/recipients")).header("content-type", content_type).body(body).send().await
}

async fn campaign(app: &App, id: &str) -> Value {
    app.show(&format!("/v1/campaigns/{id}")).send().await.json()
}

#[tokio::test]
async fn an_upload_counts_what_it_kept_and_names_the_rows_it_did_not() {
    let app = App::start().await;
    let id = app.draft("Hi {{ name }}").await;
    let csv = format!(
        "phone;name;city\n{0};Ada;London\nnonsense;Bob;\n{0};Eve;Rome\n{1};Zoë;Bonn;x\n{1};Zoë;Bonn\n",
        phone(1),
        phone(2)
    );
    let mut answer = upload(&app, &id, "text/csv; charset=utf-8", csv).await.json();
    assert!(answer["upload_id"].as_str().unwrap().starts_with("upl_"));
    assert_eq!(answer["campaign_id"], id);
    answer["upload_id"] = json!("upl_…");
    answer["campaign_id"] = json!("cmp_…");
    insta::assert_json_snapshot!(answer, @r#"
    {
      "accepted": 2,
      "campaign_id": "cmp_…",
      "columns": [
        "name",
        "city"
      ],
      "errors": [
        {
          "detail": "not a phone number: not a number",
          "line": 3,
          "reason": "invalid_phone",
          "row": 2
        },
        {
          "detail": "the same person stands in row 1",
          "line": 4,
          "reason": "duplicate",
          "row": 3
        },
        {
          "detail": "expected 3 values as in the header, found 4",
          "line": 5,
          "reason": "malformed_row",
          "row": 4
        }
      ],
      "excluded": {
        "duplicate": 1,
        "invalid_phone": 1,
        "malformed_row": 1
      },
      "read_as": {
        "delimiter": ";",
        "encoding": "UTF-8",
        "phone_column": "phone"
      },
      "rows": 5,
      "upload_id": "upl_…"
    }
    "#);
    let exclusions = app.show(&format!("/v1/campaigns/{id}/exclusions")).send().await.json();
    let rows: Vec<_> =
        exclusions["items"].as_array().unwrap().iter().map(|item| item["row"].as_i64().unwrap()).collect();
    assert_eq!(rows, [2, 3, 4]);
    assert_eq!(exclusions["items"][1]["of_row"], 1);
    assert_eq!(exclusions["items"][0]["phone"], "nonsense");
}

#[tokio::test]
async fn ndjson_and_a_json_array_are_read_too() {
    let app = App::start().await;
    let id = app.draft("Hi").await;
    let ndjson = format!("{{\"phone\":\"{}\",\"variables\":{{\"name\":\"Ada\"}}}}\n{{\"phone\":\"7\"}}\n", phone(1));
    let first = upload(&app, &id, "application/x-ndjson", ndjson).await.json();
    assert_eq!((&first["rows"], &first["accepted"]), (&json!(2), &json!(1)), "{first}");
    let array = json!([{ "phone": phone(2), "variables": { "city": "Bonn" } }, { "phone": phone(1) }]);
    let second = upload(&app, &id, "application/json", array.to_string()).await.json();
    assert_eq!((&second["rows"], &second["accepted"], &second["errors"][0]["row"]), (&json!(2), &json!(1), &json!(4)));
    let sum = campaign(&app, &id).await;
    assert_eq!((&sum["rows"], &sum["columns"]), (&json!(4), &json!(["name", "city"])));
}

#[tokio::test]
async fn several_uploads_add_up_and_number_their_rows_on() {
    let app = App::start().await;
    let id = app.draft("Hi").await;
    app.upload(&id, &format!("phone\n{}\n{}\n", phone(1), phone(2))).await;
    let second = app.upload(&id, &format!("phone\n{}\n{}\n", phone(3), phone(1))).await.json();
    assert_eq!(
        second["errors"][0],
        json!({ "row": 4, "line": 3, "reason": "duplicate", "detail": "the same person stands in row 1" })
    );
    let sum = campaign(&app, &id).await;
    assert_eq!((&sum["rows"], &sum["excluded"]), (&json!(4), &json!({ "duplicate": 1 })));
}

#[tokio::test]
async fn a_file_that_is_no_audience_is_refused_whole_with_what_was_found() {
    let app = App::start().await;
    let id = app.draft("Hi").await;
    let binary = vec![0_u8, 159, 146, 150, 0, 1, 2, 3];
    let cases: [(&str, Vec<u8>, &str); 7] = [
        ("text/csv", b"name,city\nAda,London\n".to_vec(), "no_phone_column"),
        ("text/csv", binary, "not_text"),
        ("application/octet-stream", b"PK\x03\x04rest".to_vec(), "not_text"),
        ("text/csv", Vec::new(), "empty"),
        ("text/csv", b" \n\n".to_vec(), "empty"),
        ("text/csv", b"phone,name\n".to_vec(), "no_rows"),
        ("application/json", b"\"phone\"".to_vec(), "not_an_array"),
    ];
    for (content_type, body, reason) in cases {
        let answer = upload(&app, &id, content_type, body).await;
        let problem = answer.problem();
        assert_eq!((answer.status, answer.slug().as_str()), (422, "unreadable-audience"), "{reason}: {problem}");
        assert_eq!(problem["reason"], reason, "{problem}");
        assert!(!problem["detail"].as_str().unwrap().is_empty());
    }
    let answer = upload(&app, &id, "text/csv", "name,city\nAda,London\n").await;
    assert!(answer.problem()["found"].as_str().unwrap().contains("city"), "{}", answer.text());
    assert_eq!(campaign(&app, &id).await["rows"], 0);
    assert_eq!(upload(&app, &id, "multipart/form-data; boundary=x", "--x").await.status, 415);
}

#[tokio::test]
async fn the_phone_column_is_the_requests_or_the_campaigns() {
    let app = App::start().await;
    let body = json!({ "template": "Hi", "phone_column": "mobile", "default_region": "DE" });
    let id = app.post("/v1/campaigns").json(&body).send().await.json()["id"].as_str().unwrap().to_owned();
    let answer = upload(&app, &id, "text/csv", "mobile,name\n0151 12000001,Ada\n").await.json();
    assert_eq!(answer["accepted"], 1, "{answer}");
    let path = format!("/v1/campaigns/{id}/recipients?phone_column=tel");
    let answer = app.post(&path).header("content-type", "text/csv").body("tel\n015112000002\n").send().await.json();
    assert_eq!(answer["accepted"], 1, "{answer}");
}

#[tokio::test]
async fn too_many_bytes_or_rows_keep_nothing() {
    let app = App::with(ApiOptions { max_upload_bytes: 4_000, max_recipients: 10, ..ApiOptions::default() }).await;
    let id = app.draft("Hi").await;
    let rows = |from: usize, count: usize| {
        let rows: Vec<_> = (from..from + count).map(phone).collect();
        format!("phone\n{}\n", rows.join("\n"))
    };
    let answer = upload(&app, &id, "text/csv", rows(0, 11)).await;
    assert_eq!((answer.status, answer.slug().as_str()), (422, "too-many-recipients"), "{}", answer.text());
    let padded = format!("{}{}", rows(0, 3), "\n".repeat(4_000));
    let answer = upload(&app, &id, "text/csv", padded).await;
    assert_eq!((answer.status, answer.slug().as_str()), (413, "too-large"));
    assert_eq!(campaign(&app, &id).await["rows"], 0);
    assert_eq!(upload(&app, &id, "text/csv", rows(0, 8)).await.status, 200);
    let answer = upload(&app, &id, "text/csv", rows(100, 3)).await;
    assert_eq!(answer.slug(), "too-many-recipients", "the limit is the campaign's");
    assert_eq!(campaign(&app, &id).await["rows"], 8);
}

#[tokio::test]
async fn a_body_that_breaks_off_keeps_nothing_and_frees_the_campaign() {
    let app = App::start().await;
    let id = app.draft("Hi").await;
    let answer = upload(&app, &id, "text/csv", broken_body(vec!["phone\n+4915112000001\n", "+49151120"])).await;
    assert_eq!((answer.status, answer.slug().as_str()), (400, "unreadable-body"));
    assert_eq!(campaign(&app, &id).await["rows"], 0);
    let answer = app.upload(&id, &format!("phone\n{}\n", phone(1))).await;
    assert_eq!((answer.status, &answer.json()["accepted"]), (200, &json!(1)));
}

#[tokio::test]
async fn a_client_that_hangs_up_leaves_nothing() {
    let app = App::start().await;
    app.sender("+15550100").await;
    let id = app.draft("Hi").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(axum::serve(listener, app.router.clone()).into_future());
    let mut client = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /v1/campaigns/{id}/recipients HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: text/csv\r\n\
         content-length: 100000\r\n\r\nphone\n{}\n",
        app.key,
        phone(1)
    );
    client.write_all(head.as_bytes()).await.unwrap();
    // Without recipients it cannot start either way; the reason tells whether the upload is open.
    let start = format!("/v1/campaigns/{id}/start");
    eventually("the upload is open", async || app.post(&start).send().await.slug() == "upload-in-progress").await;
    drop(client);
    eventually("the campaign is free again", async || {
        app.upload(&id, &format!("phone\n{}\n", phone(2))).await.status == 200
    })
    .await;
    assert_eq!(campaign(&app, &id).await["rows"], 1, "nothing of the broken upload was kept");
    serving.abort();
}

#[tokio::test]
async fn while_one_upload_is_open_another_is_409() {
    let app = App::start().await;
    app.sender("+15550100").await;
    let id = app.draft("Hi").await;
    let endless = futures_util::stream::iter([Ok::<_, std::io::Error>(Bytes::from("phone\n"))])
        .chain(futures_util::stream::pending());
    let path = format!("/v1/campaigns/{id}/recipients");
    let slow = app.post(&path).header("content-type", "text/csv").body(Body::from_stream(endless)).send();
    let start = format!("/v1/campaigns/{id}/start");
    let other = async {
        // Without recipients it cannot start either way; the reason tells whether the upload is open.
        eventually("the upload is open", async || app.post(&start).send().await.slug() == "upload-in-progress").await;
        app.upload(&id, &format!("phone\n{}\n", phone(1))).await
    };
    tokio::select! {
        _ = slow => panic!("an endless upload was answered"),
        answer = other => assert_eq!((answer.status, answer.slug().as_str()), (409, "upload-in-progress")),
    }
}

#[tokio::test]
async fn row_errors_are_the_first_hundred() {
    let app = App::start().await;
    let id = app.draft("Hi").await;
    let mut csv = String::from("phone\n");
    for index in 0..3_000 {
        csv.push_str(if index % 3 == 0 { "bad" } else { "" });
        csv.push_str(&phone(index % 1_000));
        csv.push('\n');
    }
    let answer = app.upload(&id, &csv).await.json();
    let errors = answer["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 100);
    assert!(errors.is_sorted_by_key(|error| error["row"].as_i64()), "{errors:?}");
    let excluded = counts(&answer["excluded"]);
    assert_eq!(answer["accepted"].as_i64().unwrap() + excluded.values().sum::<i64>(), 3_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_thousand_rows_stream_through() {
    const ROWS: usize = 200_000;
    let app = App::start().await;
    let id = app.draft("Hi {{ name }}").await;
    let chunk = |index: usize| {
        let rows: Vec<_> =
            (index * 1_000..(index + 1) * 1_000).map(|row| format!("{},Name {row}\n", phone(row))).collect();
        Ok::<_, std::io::Error>(Bytes::from(rows.concat()))
    };
    let header = futures_util::stream::iter([Ok(Bytes::from("phone,name\n"))]);
    let body = header.chain(futures_util::stream::iter((0..ROWS / 1_000).map(chunk)));
    let path = format!("/v1/campaigns/{id}/recipients");
    let sending = app
        .post(&path)
        .header("content-type", "text/csv")
        .body(Body::from_stream(body))
        .patience(Duration::from_mins(2));
    let answer = sending.send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!((&answer.json()["rows"], &answer.json()["accepted"]), (&json!(ROWS), &json!(ROWS)));
    assert_eq!(campaign(&app, &id).await["rows"], ROWS);
}

#[tokio::test]
async fn an_answer_comes_over_a_real_connection_although_the_body_was_refused_early() {
    let app = App::with(ApiOptions { max_upload_bytes: 1 << 20, ..ApiOptions::default() }).await;
    let id = app.draft("Hi").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(axum::serve(listener, app.router.clone()).into_future());
    let mut client = TcpStream::connect(address).await.unwrap();
    let body = "name\nAda\n".repeat(20_000);
    let head = format!(
        "POST /v1/campaigns/{id}/recipients HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {}\r\n\
         content-type: text/csv\r\ncontent-length: {}\r\n\r\n",
        app.key,
        body.len()
    );
    client.write_all(head.as_bytes()).await.unwrap();
    client.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 422") && answer.contains("no_phone_column"), "{answer}");
    serving.abort();
}

#[tokio::test]
async fn an_upload_whose_client_is_gone_is_taken_over_by_its_next_request_with_the_same_key() {
    let app = App::start().await;
    let id = app.draft("Hi").await;
    let path = format!("/v1/campaigns/{id}/recipients");
    // A client that vanished without a word: its body neither goes on nor ends.
    let begun = futures_util::stream::iter([Ok::<_, std::io::Error>(format!("phone\n{}\n", phone(1)))]);
    let stalled = axum::body::Body::from_stream(futures_util::StreamExt::chain(begun, futures_util::stream::pending()));
    let router = app.router.clone();
    let first = axum::http::Request::post(&path)
        .header("authorization", format!("Bearer {}", app.key))
        .header("content-type", "text/csv")
        .header("idempotency-key", "k")
        .body(stalled)
        .unwrap();
    let first = tokio::spawn(tower::ServiceExt::oneshot(router, first));
    let csv = format!("phone\n{}\n{}\n", phone(1), phone(2));
    let other = || app.post(&path).header("content-type", "text/csv").body(csv.clone());
    eventually("the first one is open", async || {
        let (workspace, campaign) = (app.workspace, id.parse().unwrap());
        let probe = app.minter.mint(noon());
        app.store.open_upload(workspace, campaign, probe, Duration::ZERO).await.unwrap() == UploadOpening::Busy
    })
    .await;
    assert_eq!(other().send().await.slug(), "upload-in-progress", "of another request nobody knows whose it is");
    let again = other().key("k").send().await;
    assert_eq!((again.status, &again.json()["rows"]), (200, &2.into()), "{}", again.text());
    assert_eq!(app.show(&format!("/v1/campaigns/{id}")).send().await.json()["rows"], 2);
    let replayed = other().key("k").send().await;
    assert_eq!((replayed.status, replayed.header("idempotency-replayed")), (200, "true"));
    first.abort();
}
