//! What nobody could work on: an operator sees it and replays it, by command.

use std::process::Output;

use paceline_e2e::{Audience, Installation, People, ScenarioError, ScenarioResult, Stack, World, eventually};
use serde_json::{Value, json};

use crate::{
    bounds::{CAMPAIGN, COMMAND, SOON},
    stacks::on_both_stacks,
};

on_both_stacks![where_nothing_died_there_is_nothing_to_replay];

async fn run(world: &World, arguments: &[&str]) -> ScenarioResult<Output> {
    let client = Installation::new()?.with("PACELINE_API__URL", world.api.url()).with("PACELINE_API__KEY", world.key());
    client.run(arguments, COMMAND).await
}

/// The objects that `paceline dead list --json` writes.
async fn listed(world: &World, more: &[&str]) -> ScenarioResult<Vec<Value>> {
    let output = run(world, &[&["dead", "list", "--json"], more].concat()).await?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(|line| serde_json::from_str(line).map_err(ScenarioError::from)).collect()
}

async fn where_nothing_died_there_is_nothing_to_replay(stack: Stack) -> ScenarioResult<()> {
    let world = World::start(Installation::on(stack).await?, People::Quiet).await?;
    assert_eq!(listed(&world, &["--all"]).await?, Vec::<Value>::new());
    assert!(run(&world, &["dead", "replay", "--all"]).await?.status.success());
    let none = run(&world, &["dead", "replay", "dlt_00000000000000000000000000000000"]).await?;
    assert_eq!(none.status.code(), Some(5), "{}", String::from_utf8_lossy(&none.stderr));
    world.finish().await
}

/// Where there is a broker, letters die there.
#[tokio::test]
async fn what_died_at_the_broker_is_shown_replayed_and_then_counts() -> ScenarioResult<()> {
    let mut world = World::start(Installation::on(Stack::Full).await?, People::Quiet).await?;
    world.add_senders(1, "unlimited").await?;
    let audience = Audience::ordinary(84, 5);
    let campaign = world.submit(&audience).await?;
    world.ended(&campaign, CAMPAIGN).await?;
    let senders = world.api.list("/v1/senders").await?;
    let (sender, person) = (senders[0]["id"].clone(), audience.phones()[0].clone());
    let body = json!({ "kind": "inbound", "id": "IN1", "from": { "phone": person }, "text": "STOP" });
    let results = json!([{ "sender": sender, "at": "2026-03-01T12:00:00Z", "body": body }]);
    let services = world.installation.services().expect("the full stack has services");
    services.publish_dead_results(results.to_string().as_bytes()).await?;
    services.publish_foreign(1, b"from another time").await?;

    let letters = eventually("both letters are kept", SOON, async || {
        let letters = listed(&world, &[]).await?;
        Ok((letters.len() == 2).then_some(letters))
    })
    .await?;
    let of = |kind: &str| letters.iter().find(|letter| letter["kind"] == kind).cloned().unwrap_or_default();
    assert_eq!((&of("result")["result"], &of("result")["sender_id"]), (&json!("inbound"), &sender));
    assert_eq!(of("unreadable")["reason"], "unreadable");
    assert!(!json!(letters).to_string().contains("STOP"), "what a person wrote is shown only when asked for");
    let shown = listed(&world, &["--body"]).await?;
    assert!(json!(shown).to_string().contains("STOP"));
    assert_eq!(world.api.list("/v1/suppressions").await?, Vec::<Value>::new());

    let replayed = run(&world, &["dead", "replay", "--all"]).await?;
    assert!(!replayed.status.success(), "one of the two cannot be read");
    assert_eq!(world.api.list("/v1/suppressions").await?.len(), 1, "the person has opted out");
    let left = listed(&world, &[]).await?;
    assert_eq!((left.len(), &left[0]["kind"]), (1, &json!("unreadable")));
    let id = of("result")["id"].as_str().unwrap_or_default().to_owned();
    assert!(run(&world, &["dead", "replay", &id]).await?.status.success(), "again does no harm");
    assert_eq!(world.api.list("/v1/suppressions").await?.len(), 1);
    let metrics = world.api.text("/metrics").await?;
    assert!(metrics.lines().any(|line| line.starts_with("paceline_dead_letters_total{kind=\"result\"")), "{metrics}");
    world.finish().await
}
