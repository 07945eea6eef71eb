//! What tools read: the document of the API, its routes, readiness and metrics.

use paceline_e2e::{Api, Audience, Installation, People, ScenarioResult, Stack, World, eventually};
use reqwest::Method;
use serde_json::Value;

use crate::{
    bounds::{CAMPAIGN, SOON},
    stacks::on_both_stacks,
};

on_both_stacks![
    every_route_of_the_document_is_served,
    every_reference_in_the_document_leads_somewhere,
    the_metrics_tell_the_account_and_nobodys_number,
];

/// A path of the document with an id of the right kind in each place.
fn filled(path: &str) -> String {
    let kinds = [
        ("campaigns", "cmp"),
        ("senders", "snd"),
        ("messages", "msg"),
        ("suppressions", "sup"),
        ("webhook-endpoints", "end"),
        ("deliveries", "dlv"),
    ];
    let mut parts: Vec<String> = Vec::new();
    for part in path.split('/') {
        let kind =
            parts.last().and_then(|last| kinds.iter().find(|(name, _)| name == last)).map_or("x", |(_, kind)| kind);
        parts.push(if part.starts_with('{') { format!("{kind}_{}", "0".repeat(32)) } else { part.to_owned() });
    }
    parts.join("/")
}

async fn every_route_of_the_document_is_served(stack: Stack) -> ScenarioResult<()> {
    // The page of metrics by sender is off unless it is asked for.
    let installation = Installation::on(stack).await?.with("PACELINE_SERVER__SENDER_METRICS", "1");
    let world = World::start(installation, People::Inside).await?;
    let document = world.api.get("/openapi.json").await?.ok()?;
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")), "{}", document["openapi"]);
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        // A stream has no end to wait for.
        for method in item.as_object().expect("an item").keys().filter(|_| !path.ends_with("/stream")) {
            let Ok(verb) = method.to_uppercase().parse::<Method>() else { continue };
            let answer = world.api.send(world.api.request(verb.clone(), &filled(path))).await?;
            assert!(
                !["no-such-route", "method-not-allowed"].contains(&answer.slug()),
                "{verb} {path}: {}",
                answer.body
            );
            assert!(answer.status < 500, "{verb} {path}: {} {}", answer.status, answer.body);
            operations.push(item[method]["operationId"].as_str().unwrap_or_default().to_owned());
        }
    }
    let named = operations.len();
    operations.sort();
    operations.dedup();
    assert_eq!(operations.len(), named, "each operation has a name of its own");
    assert!(named >= 35, "{named} operations: {operations:?}");
    assert!(!operations.iter().any(String::is_empty));
    for path in document["paths"].as_object().expect("paths").keys().filter(|path| path.starts_with("/v1/")) {
        let answer = Api::new(world.api.url(), "")?.get(&filled(path)).await?;
        assert_eq!(
            answer.status,
            if answer.slug() == "method-not-allowed" { 405 } else { 401 },
            "{path} without a key"
        );
    }
    world.finish().await
}

async fn every_reference_in_the_document_leads_somewhere(stack: Stack) -> ScenarioResult<()> {
    let world = World::start(Installation::on(stack).await?, People::Inside).await?;
    let document = world.api.get("/openapi.json").await?.ok()?;
    let mut open = vec![&document];
    let mut references = 0;
    while let Some(value) = open.pop() {
        match value {
            Value::Object(fields) => {
                if let Some(target) = fields.get("$ref").and_then(Value::as_str) {
                    references += 1;
                    let pointer = target.strip_prefix('#').expect("references stay in the document");
                    assert!(document.pointer(pointer).is_some(), "{target} leads nowhere");
                }
                open.extend(fields.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    assert!(references > 50, "{references}");
    world.finish().await
}

/// The metrics of every process: the one that serves the API knows where the others show theirs.
async fn metrics(world: &World) -> ScenarioResult<String> {
    let mut page = world.api.text("/metrics").await?;
    let fleet = world.api.get("/v1/fleet").await?.ok()?;
    for address in fleet["workers"].as_array().into_iter().flatten().filter_map(|worker| worker["listen"].as_str()) {
        page.push_str(&Api::new(&format!("http://{address}"), "")?.text("/metrics").await?);
    }
    Ok(page)
}

async fn the_metrics_tell_the_account_and_nobodys_number(stack: Stack) -> ScenarioResult<()> {
    let mut world = World::start(Installation::on(stack).await?, People::Lively).await?;
    let senders = world.add_senders(3, "unlimited").await?;
    let audience = Audience::mixed(81, 100);
    let campaign = world.submit(&audience).await?;
    let account = world.ended(&campaign, CAMPAIGN).await?["account"].clone();
    let page = eventually("the metrics have the account", SOON, async || {
        let page = metrics(&world).await?;
        let told = ["planned", "sent", "failed", "unknown", "expired", "cancelled", "waiting"]
            .iter()
            .all(|bucket| page.contains(&format!("paceline_messages{{bucket=\"{bucket}\"}} {}\n", account[*bucket])));
        Ok(told.then_some(page))
    })
    .await?;
    assert!(page.contains("\npaceline_account_imbalance 0\n"), "{page}");
    assert!(page.contains("\npaceline_leases_held 3\n"), "{page}");
    for phone in senders.iter().chain(audience.phones()) {
        assert!(!page.contains(phone.trim_start_matches('+')), "a number is on the page");
    }
    let missing: Vec<_> = page
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(['{', ' ']).next())
        .map(|name| ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name))
        .filter(|name| !page.contains(&format!("# HELP {name} ")))
        .collect();
    assert!(missing.is_empty(), "without help: {missing:?}");

    let health = world.api.get("/healthz").await?;
    let ready = world.api.get("/readyz").await?;
    assert_eq!((health.status, ready.status), (200, 200), "{}", ready.body);
    assert!(ready.body.to_string().contains("database"), "{}", ready.body);
    world.finish().await
}
