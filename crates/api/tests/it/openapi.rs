//! The OpenAPI document: complete, and sound in its structure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::app::App;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

async fn document() -> Value {
    App::start().await.show("/openapi.json").anonymous().send().await.json()
}

fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let methods = |item: &'_ Value| METHODS.into_iter().filter(|method| item.get(method).is_some()).collect::<Vec<_>>();
    paths
        .iter()
        .flat_map(|(path, item)| {
            methods(item).into_iter().map(move |method| (path.clone(), method.to_owned(), &item[method]))
        })
        .collect()
}

/// The contract with clients: a route that is added, renamed or dropped must be added, renamed or dropped here too.
const ROUTES: &str = "
    GET /healthz
    GET /metrics
    GET /metrics/senders
    GET /openapi.json
    GET /readyz
    POST /v1/audience/check
    GET /v1/campaigns
    POST /v1/campaigns
    GET /v1/campaigns/{id}
    PATCH /v1/campaigns/{id}
    POST /v1/campaigns/{id}/cancel
    GET /v1/campaigns/{id}/exclusions
    GET /v1/campaigns/{id}/messages
    POST /v1/campaigns/{id}/pause
    POST /v1/campaigns/{id}/preview
    GET /v1/campaigns/{id}/progress
    POST /v1/campaigns/{id}/recipients
    GET /v1/campaigns/{id}/report
    POST /v1/campaigns/{id}/resume
    POST /v1/campaigns/{id}/start
    GET /v1/dead-letters
    POST /v1/dead-letters/{id}/replay
    GET /v1/events
    GET /v1/events/stream
    GET /v1/fleet
    GET /v1/messages
    POST /v1/messages
    GET /v1/messages/{id}
    POST /v1/messages/{id}/resolve
    GET /v1/pools
    GET /v1/senders
    POST /v1/senders
    DELETE /v1/senders/{id}
    GET /v1/senders/{id}
    PATCH /v1/senders/{id}
    GET /v1/senders/{id}/pairing
    POST /v1/senders/{id}/pause
    POST /v1/senders/{id}/resume
    DELETE /v1/session
    GET /v1/session
    POST /v1/session
    GET /v1/sessions
    DELETE /v1/sessions/{id}
    GET /v1/suppressions
    POST /v1/suppressions
    DELETE /v1/suppressions/{id}
    GET /v1/webhook-endpoints
    POST /v1/webhook-endpoints
    DELETE /v1/webhook-endpoints/{id}
    GET /v1/webhook-endpoints/{id}/deliveries
    POST /v1/webhook-endpoints/{id}/deliveries/{delivery}/redeliver
    POST /v1/webhook-endpoints/{id}/enable
    GET /v1/workspace
    PATCH /v1/workspace
";

#[tokio::test]
async fn every_route_is_in_the_document_and_in_the_router() {
    let document = document().await;
    let documented: BTreeSet<String> =
        operations(&document).iter().map(|(path, method, _)| format!("{} {path}", method.to_uppercase())).collect();
    let expected: BTreeSet<String> =
        ROUTES.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect();
    assert_eq!(documented, expected);

    let app = App::start().await;
    let paths: BTreeSet<_> = operations(&document).into_iter().map(|(path, ..)| path).collect();
    for path in paths {
        let real = path.replace("{id}", "x").replace("{delivery}", "x");
        // The router is asked about each method; 405 with the others in `Allow` shows which ones it has.
        let answer = app.call(axum::http::Method::TRACE, &real).send().await;
        assert_eq!(answer.status, 405, "{path}");
        let allowed: BTreeSet<_> = answer
            .header("allow")
            .split(',')
            .map(str::trim)
            .filter(|method| *method != "HEAD")
            .map(str::to_owned)
            .collect();
        let documented: BTreeSet<_> = operations(&document)
            .into_iter()
            .filter(|(known, ..)| *known == path)
            .map(|(_, method, _)| method.to_uppercase())
            .collect();
        assert_eq!(allowed, documented, "{path}");
    }
}

#[tokio::test]
async fn the_document_is_openapi_3_1_with_unique_operation_ids() {
    let document = document().await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."), "{}", document["openapi"]);
    assert!(document["info"]["title"].is_string() && document["info"]["version"].is_string());
    let mut seen = BTreeMap::new();
    for (path, method, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{method} {path} has no operation id"));
        let word = id.split('_').next().unwrap();
        assert!(!["get", "do", "handle", "process"].contains(&word), "{id}");
        assert_eq!(seen.insert(id.to_owned(), path.clone()), None, "{id} twice");
        assert!(operation["summary"].is_string() || operation["description"].is_string(), "{id} says nothing");
        assert!(!operation["tags"].as_array().unwrap().is_empty());
    }
}

#[tokio::test]
async fn every_operation_documents_its_answers_parameters_and_security() {
    let document = document().await;
    let scheme = &document["components"]["securitySchemes"]["api_key"];
    assert_eq!((scheme["type"].as_str(), scheme["scheme"].as_str()), (Some("http"), Some("bearer")));
    for (path, method, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{id}");
        assert!(responses.values().all(|response| response["description"].is_string()), "{id}");
        let declared: BTreeSet<_> =
            parameters(operation).filter(|(place, _)| *place == "path").map(|(_, name)| name).collect();
        let in_path: BTreeSet<_> =
            path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        assert_eq!(declared, in_path, "{id}");
        if !path.starts_with("/v1/") {
            assert!(operation.get("security").is_none(), "{id}");
            continue;
        }
        // Who signs in has nothing to show yet.
        let is_open = id == "create_session";
        assert_eq!(operation.get("security").is_none(), is_open, "{id}");
        if !is_open {
            assert_eq!(operation["security"][0]["api_key"], serde_json::json!([]), "{id}");
            assert_eq!(operation["security"][1]["session"], serde_json::json!([]), "{id}");
        }
        for status in ["401", "500", "503"] {
            let content = &responses[status]["content"]["application/problem+json"];
            assert_eq!(content["schema"]["$ref"], "#/components/schemas/Problem", "{id} {status}");
        }
        let takes_key = parameters(operation).any(|parameter| parameter == ("header", "Idempotency-Key"));
        assert_eq!(takes_key, method == "post" && !is_open, "{id}");
    }
}

fn parameters(operation: &Value) -> impl Iterator<Item = (&str, &str)> {
    let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
    parameters.iter().map(|parameter| (parameter["in"].as_str().unwrap(), parameter["name"].as_str().unwrap()))
}

#[tokio::test]
async fn every_reference_resolves_and_every_schema_is_used() {
    let document = document().await;
    let mut references = BTreeSet::new();
    collect_references(&document, &mut references);
    let schemas: BTreeSet<_> = document["components"]["schemas"].as_object().unwrap().keys().cloned().collect();
    let used: BTreeSet<_> = references
        .iter()
        .map(|reference| reference.strip_prefix("#/components/schemas/").unwrap().to_owned())
        .collect();
    assert_eq!(used.difference(&schemas).collect::<Vec<_>>(), Vec::<&String>::new(), "unresolved");
    assert_eq!(schemas.difference(&used).collect::<Vec<_>>(), Vec::<&String>::new(), "unused");
}

fn collect_references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                found.insert(reference.to_owned());
            }
            members.values().for_each(|member| collect_references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, found)),
        _ => {}
    }
}

#[tokio::test]
async fn schemas_use_types_that_json_schema_knows() {
    let document = document().await;
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        check_types(name, schema);
    }
}

fn check_types(place: &str, schema: &Value) {
    const KNOWN: [&str; 7] = ["string", "number", "integer", "boolean", "array", "object", "null"];
    match schema {
        Value::Object(members) => {
            if let Some(types) = members.get("type").filter(|kind| kind.is_string() || kind.is_array()) {
                let types = types.as_array().cloned().unwrap_or_else(|| vec![types.clone()]);
                assert!(types.iter().all(|kind| KNOWN.contains(&kind.as_str().unwrap_or("?"))), "{place}: {types:?}");
            }
            assert!(!members.contains_key("nullable"), "{place}: nullable is OpenAPI 3.0");
            members.iter().filter(|(key, _)| *key != "example" && *key != "examples").for_each(|(key, member)| {
                check_types(&format!("{place}/{key}"), member);
            });
        }
        Value::Array(items) => items.iter().for_each(|item| check_types(place, item)),
        _ => {}
    }
}

#[tokio::test]
async fn every_operation_answers_503_with_the_documented_retry_after_while_the_database_is_away() {
    let document = document().await;
    let app = App::start().await;
    app.store.close().await;
    for (path, method, operation) in operations(&document).into_iter().filter(|(path, ..)| path.starts_with("/v1/")) {
        let header = &operation["responses"]["503"]["headers"]["Retry-After"];
        assert_eq!(header["schema"]["type"], "integer", "{method} {path}");
        let real = path.replace("{id}", "x").replace("{delivery}", "x");
        // A caller without a key is asked for a link or a key before the database is.
        let body = serde_json::json!({ "link": "0".repeat(64) });
        let answer = app.call(method.to_uppercase().parse().unwrap(), &real).json(&body).send().await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, "5"), "{method} {path}");
    }
}
