//! What a caller could smuggle: arrays for objects, characters that hide, bodies that are something else, cursors that were made up.

use serde_json::{Value, json};

use crate::app::{App, phone};

async fn post_raw(app: &App, path: &str, content_type: &str, body: &str) -> crate::app::Answer {
    app.post(path).header("content-type", content_type).body(body.to_owned()).send().await
}

#[tokio::test]
async fn an_array_is_no_object_in_any_body() {
    let app = App::start().await;
    let id = app.draft("Hi").await;
    for (path, array) in [
        ("/v1/campaigns", r#"["nm","x",null,null,null,null,null]"#),
        ("/v1/senders", r#"["+15550100",null,null,null,null,null,null]"#),
        ("/v1/messages", r#"["+4915112000001",null,"x",null,null,"transactional",null,null]"#),
        ("/v1/suppressions", r#"["+4915112000001",null]"#),
        ("/v1/webhook-endpoints", r#"["https://example.com",[]]"#),
        (format!("/v1/campaigns/{id}/preview").as_str(), "[null]"),
    ] {
        let answer = post_raw(&app, path, "application/json", array).await;
        assert_eq!((answer.status, answer.slug().as_str()), (422, "invalid-request"), "{path}: {}", answer.text());
    }
    let answer = app.patch("/v1/workspace").header("content-type", "application/json").body("[\"fail\"]").send().await;
    assert_eq!(answer.status, 422);
    let answer = app.patch(&format!("/v1/campaigns/{id}")).json(&json!(["x"])).send().await;
    assert_eq!(answer.status, 422);
}

#[tokio::test]
async fn characters_that_hide_are_refused_with_their_place() {
    let app = App::start().await;
    for (path, body, pointer) in [
        ("/v1/campaigns", json!({ "template": "a\0" }), "/template"),
        ("/v1/campaigns", json!({ "template": "a\u{1b}[2J" }), "/template"),
        ("/v1/campaigns", json!({ "template": "a", "name": "x\0" }), "/name"),
        ("/v1/campaigns", json!({ "template": "a", "name": "x\u{202e}fdp.exe" }), "/name"),
        ("/v1/campaigns", json!({ "template": "a", "name": "x\u{2066}y" }), "/name"),
        ("/v1/campaigns", json!({ "template": "a", "pool": "x\u{2028}y" }), "/pool"),
        ("/v1/campaigns", json!({ "template": "a", "phone_column": "x\u{200f}y" }), "/phone_column"),
        ("/v1/senders", json!({ "phone": "+15550100", "name": "x\u{7f}" }), "/name"),
        ("/v1/senders", json!({ "phone": "+15550100", "pools": ["ok", "a\u{202d}b"] }), "/pools/1"),
        ("/v1/messages", json!({ "to": "+4915112000001", "text": "a\u{9b}" }), "/text"),
        ("/v1/messages", json!({ "to": "+4915112000001", "text": "a\0" }), "/text"),
    ] {
        let answer = app.post(path).json(&body).send().await;
        assert_eq!(answer.status, 422, "{body}: {}", answer.text());
        assert_eq!(answer.problem()["errors"][0]["pointer"], pointer, "{body}");
    }
    let name = json!({ "template": "línea\n\tdos 😀", "name": "שלום 👩‍👩‍👧 ok" });
    assert_eq!(app.post("/v1/campaigns").json(&name).send().await.status, 201, "people write like this");
}

#[tokio::test]
async fn a_column_whose_name_hides_or_is_too_long_is_refused() {
    let app = App::start().await;
    let id = app.draft("Hi").await;
    let long = "x".repeat(201);
    for header in ["phone,na\u{202e}me", "phone,a\u{7}b", &format!("phone,{long}")] {
        let answer = app.upload(&id, &format!("{header}\n{},x\n", phone(1))).await;
        assert_eq!((answer.status, answer.slug().as_str()), (422, "unreadable-audience"), "{header}");
        assert_eq!(answer.problem()["reason"], "unlawful_column");
    }
    let path = format!("/v1/campaigns/{id}/recipients");
    let row = json!({ "phone": phone(1), "variables": { "a\u{202e}": "x" } }).to_string();
    let answer = post_raw(&app, &path, "application/x-ndjson", &row).await;
    assert_eq!(answer.json()["excluded"], json!({ "malformed_row": 1 }), "{}", answer.text());
}

#[tokio::test]
async fn a_body_that_is_packed_or_in_another_encoding_is_not_read() {
    let app = App::start().await;
    let id = app.draft("Hi").await;
    let body = r#"{"template":"a"}"#;
    for kind in ["application/json; charset=utf-16", "application/json;charset=\"ISO-8859-1\"", "text/plain"] {
        let answer = post_raw(&app, "/v1/campaigns", kind, body).await;
        assert_eq!((answer.status, answer.slug().as_str()), (415, "unsupported-media-type"), "{kind}");
    }
    for kind in ["application/json; charset=UTF-8", "application/json;charset=\"utf-8\"", "application/x+json"] {
        assert_eq!(post_raw(&app, "/v1/campaigns", kind, body).await.status, 201, "{kind}");
    }
    for path in ["/v1/campaigns", &format!("/v1/campaigns/{id}/recipients")] {
        for encoding in ["gzip", "br", "identity, gzip"] {
            let call = app.post(path).header("content-type", "application/json").header("content-encoding", encoding);
            let answer = call.body(body).send().await;
            assert_eq!((answer.status, answer.slug().as_str()), (415, "unsupported-encoding"), "{path} {encoding}");
        }
    }
    let plain = app.post("/v1/campaigns").header("content-encoding", "identity").json(&json!({ "template": "a" }));
    assert_eq!(plain.send().await.status, 201);
}

#[tokio::test]
async fn a_parameter_that_is_given_twice_is_named() {
    let app = App::start().await;
    for (query, name) in [
        ("limit=1&limit=2", "limit"),
        ("cursor=a&limit=1&cursor=a", "cursor"),
        ("limit=%00", "limit"),
        ("li%FFmit=1", "li\u{fffd}mit"),
    ] {
        let answer = app.show(&format!("/v1/campaigns?{query}")).send().await;
        assert_eq!(answer.status, 422, "{query}");
        assert_eq!(answer.problem()["errors"][0]["parameter"], name, "{query}");
    }
}

#[tokio::test]
async fn what_was_not_given_out_is_no_cursor() {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let app = App::start().await;
    for _ in 0..3 {
        app.draft("Hi").await;
    }
    let page = app.show("/v1/campaigns?limit=1").send().await.json();
    let cursor = page["next_cursor"].as_str().unwrap();
    assert_eq!(app.show(&format!("/v1/campaigns?cursor={cursor}")).send().await.status, 200);
    let whole = URL_SAFE_NO_PAD.decode(cursor).unwrap();
    let forged = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = whole.clone();
        change(&mut bytes);
        URL_SAFE_NO_PAD.encode(bytes)
    };
    let crc = |text: &[u8]| {
        // As cursors were sealed once: anybody can calculate this sum.
        let mut sum = 0xffff_ffff_u32;
        for byte in b"campaigns\n".iter().chain(text) {
            sum ^= u32::from(*byte);
            for _ in 0..8 {
                sum = if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 };
            }
        }
        (!sum).to_be_bytes()
    };
    for forged in [
        forged(&|bytes| *bytes.last_mut().unwrap() ^= 1),
        forged(&|bytes| bytes[0] ^= 0x80),
        forged(&|bytes| bytes.push(b'0')),
        forged(&|bytes| bytes.truncate(16)),
        URL_SAFE_NO_PAD.encode([&crc(&whole[16..])[..], &whole[16..]].concat()),
        "A".repeat(4_000),
        String::new(),
    ] {
        let answer = app.show(&format!("/v1/campaigns?cursor={forged}")).send().await;
        assert_eq!((answer.status, answer.slug().as_str()), (422, "invalid-request"), "{forged:.40}");
        assert_eq!(answer.problem()["errors"][0]["parameter"], "cursor");
    }
}

#[tokio::test]
async fn a_change_on_condition_is_refused_when_somebody_else_was_first() {
    let app = App::start().await;
    let id = app.draft("Hi").await;
    let path = format!("/v1/campaigns/{id}");
    let seen = app.show(&path).send().await;
    let version = seen.header("etag").to_owned();
    assert!(version.starts_with('"') && version.ends_with('"') && version.len() > 10, "{version}");
    app.upload(&id, &format!("phone\n{}\n", phone(1))).await;
    assert_eq!(app.show(&path).send().await.header("etag"), version, "counters are no change");

    let change =
        |version: &str, name: &str| app.patch(&path).header("if-match", version).json(&json!({ "name": name }));
    let first = change(&version, "first").send().await;
    assert_eq!(first.status, 200, "{}", first.text());
    assert_ne!(first.header("etag"), version);
    let second = change(&version, "second").send().await;
    assert_eq!((second.status, second.slug().as_str()), (412, "precondition-failed"));
    assert_eq!(app.show(&path).send().await.json()["name"], "first");
    let several = format!("\"x\", {}", first.header("etag"));
    assert_eq!(change(&several, "third").send().await.status, 200);
    assert_eq!(change("*", "fourth").send().await.status, 200);
    let weak = format!("W/{}", app.show(&path).send().await.header("etag"));
    assert_eq!(change(&weak, "fifth").send().await.status, 412, "a weak version proves nothing");
    assert_eq!(change("nonsense", "sixth").send().await.problem()["errors"][0]["header"], "If-Match");

    let workspace = app.show("/v1/workspace").send().await;
    let set = |version: &str, policy: &str| {
        app.patch("/v1/workspace").header("if-match", version).json(&json!({ "unknown_policy": policy }))
    };
    assert_eq!(set(workspace.header("etag"), "fail").send().await.status, 200);
    assert_eq!(set(workspace.header("etag"), "resend").send().await.status, 412);
}

#[tokio::test]
async fn no_answer_to_a_key_is_kept_on_the_way() {
    let app = App::start().await;
    let body = json!({ "url": "https://example.com/hook" });
    for _ in 0..2 {
        let answer = app.post("/v1/webhook-endpoints").key("once").json(&body).send().await;
        assert!(answer.json()["secret"].is_string());
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    assert_eq!(app.show("/v1/campaigns").send().await.header("cache-control"), "no-store");
    assert_eq!(app.show("/v1/campaigns").anonymous().send().await.header("cache-control"), "no-store");
}

#[tokio::test]
async fn the_same_bytes_as_another_kind_of_body_are_another_request() {
    let app = App::start().await;
    let id = app.draft("Hi").await;
    let path = format!("/v1/campaigns/{id}/recipients");
    let csv = format!("phone\n{}\n", phone(1));
    let upload = |kind: &'static str| app.post(&path).key("once").header("content-type", kind).body(csv.clone());
    assert_eq!(upload("text/csv").send().await.status, 200);
    assert_eq!(upload("text/csv").send().await.header("idempotency-replayed"), "true");
    let other = upload("application/octet-stream").send().await;
    assert_eq!((other.status, other.slug().as_str()), (422, "idempotency-key-reused"));
}

#[tokio::test]
async fn the_document_tells_every_limit_and_every_refusal() {
    let app = App::start().await;
    let document = app.show("/openapi.json").anonymous().send().await.json();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let tells = |status: &str| operation["responses"].get(status).is_some();
            for status in ["400", "408", "414", "431", "503"] {
                assert!(tells(status), "{method} {path} {status}");
            }
            if operation.get("requestBody").is_some() {
                assert!(["413", "415", "422"].into_iter().all(tells), "{method} {path}");
            }
            if method == "patch" {
                assert!(tells("412"), "{path}");
            }
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                if parameter["name"] == "cursor" {
                    assert_eq!(parameter["schema"]["maxLength"], 512, "{method} {path}");
                }
            }
        }
    }
    let schemas = &document["components"]["schemas"];
    let limit = |schema: &str, field: &str| schemas[schema]["properties"][field]["maxLength"].as_u64();
    assert_eq!(limit("CreateCampaign", "name"), Some(200));
    assert_eq!(limit("CreateCampaign", "pool"), Some(64));
    assert_eq!(limit("UpdateCampaign", "template"), Some(32_000));
    assert_eq!(schemas["AddSender"]["properties"]["pools"]["maxItems"], Value::from(50));
}
