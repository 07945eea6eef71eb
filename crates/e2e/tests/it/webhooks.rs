//! Webhooks from end to end: every event arrives, signed, whatever happens in between.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use paceline_e2e::{Audience, Installation, People, Receiver, ScenarioError, ScenarioResult, Stack, World, eventually};
use serde_json::{Value, json};

use crate::{
    bounds::{CAMPAIGN, COMMAND, SOON},
    stacks::on_both_stacks,
};

on_both_stacks![
    every_event_arrives_and_verifies_with_an_independent_library,
    deliveries_outlive_a_receiver_that_is_down_and_a_crash_of_ours,
    addresses_inside_are_refused_unless_the_configuration_allows_them,
    an_endpoint_that_is_gone_is_switched_off_and_on_again_by_command,
    endpoints_that_refuse_everything_hear_nothing_of_themselves_or_of_each_other,
];

/// Hours of reading and answering pass in seconds; retries come soon.
async fn hasty(stack: Stack) -> ScenarioResult<Installation> {
    Ok(Installation::on(stack)
        .await?
        .with("PACELINE_CLOCK__SPEED", "3000")
        .with("PACELINE_CLOCK__ORIGIN", "2025-01-06T08:00:00Z")
        .with("PACELINE_WEBHOOKS__ALLOW_PRIVATE", "127.0.0.0/8")
        .with("PACELINE_WEBHOOKS__SCHEDULE_SECONDS", "0,1,1,1,1,2,2,2,2,2,2,2")
        .with("PACELINE_WEBHOOKS__TIMEOUT_SECONDS", "2")
        .with("PACELINE_WEBHOOKS__HOLD_SECONDS", "3"))
}

async fn add_endpoint(world: &mut World, receiver: &Receiver) -> ScenarioResult<Value> {
    let endpoint = world.api.post("/v1/webhook-endpoints", &json!({ "url": receiver.url })).await?.ok()?;
    receiver.expect(&endpoint);
    world.must_not_be_logged([endpoint["secret"].as_str().unwrap_or_default().to_owned()]);
    Ok(endpoint)
}

/// Waits until the log of events has been still for a moment and every event of it has arrived; answers with the types.
async fn everything_arrived(world: &World, receiver: &Receiver) -> ScenarioResult<BTreeSet<String>> {
    let mut before = 0;
    eventually("every event has arrived", CAMPAIGN, async || {
        let events = world.api.events_after("").await?;
        let arrived: BTreeSet<_> = receiver.delivered().into_iter().map(|delivered| delivered.id).collect();
        let missing = events.iter().filter(|event| !arrived.contains(event["id"].as_str().unwrap_or_default())).count();
        let still = std::mem::replace(&mut before, events.len()) == events.len();
        if missing == 0 && still {
            return Ok(Some(events.iter().filter_map(|event| event["type"].as_str().map(str::to_owned)).collect()));
        }
        Err(ScenarioError::new(format!("{missing} of {} are missing", events.len())))
    })
    .await
}

fn assert_all_kinds(kinds: &BTreeSet<String>) {
    for kind in [
        "campaign.started",
        "campaign.completed",
        "message.sent",
        "message.delivered",
        "message.read",
        "message.failed",
        "message.received",
        "contact.opted_out",
    ] {
        assert!(kinds.contains(kind), "{kind} never happened; there were {kinds:?}");
    }
}

async fn every_event_arrives_and_verifies_with_an_independent_library(stack: Stack) -> ScenarioResult<()> {
    let mut world = World::start(hasty(stack).await?, People::Inside).await?;
    let receiver = Receiver::start().await?;
    let endpoint = add_endpoint(&mut world, &receiver).await?;
    world.add_senders(2, "unlimited").await?;
    let audience = Audience::mixed(21, 100);
    let campaign = world.submit(&audience).await?;
    world.ended(&campaign, CAMPAIGN).await?;
    eventually("everyone has read and answered", SOON, async || {
        let account = world.progress(&campaign).await?["account"].clone();
        Ok((account["opted_out"] == 10 && account["read"].as_u64() > Some(60)).then_some(()))
    })
    .await?;
    let kinds = everything_arrived(&world, &receiver).await?;

    assert_all_kinds(&kinds);
    assert_eq!(receiver.unverified(), 0);
    let delivered = receiver.delivered();
    let distinct: BTreeSet<_> = delivered.iter().map(|delivered| &delivered.id).collect();
    assert_eq!(distinct.len(), delivered.len(), "nothing failed, so nothing came twice");
    for delivered in &delivered {
        let keys: Vec<_> = delivered.body.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["data", "timestamp", "type"], "{}", delivered.body);
    }
    let id = endpoint["id"].as_str().unwrap_or_default();
    let listed = eventually("all deliveries are settled", SOON, async || {
        let listed = world.api.list(&format!("/v1/webhook-endpoints/{id}/deliveries")).await?;
        let settled = listed.iter().all(|delivery| delivery["state"] == "delivered");
        // People go on reading meanwhile: the two are counted at the same moment.
        Ok((settled && listed.len() == receiver.delivered().len()).then_some(listed))
    })
    .await?;

    let again = listed[0]["id"].as_str().unwrap_or_default();
    world.api.act(&format!("/v1/webhook-endpoints/{id}/deliveries/{again}/redeliver")).await?.ok()?;
    let event = listed[0]["event_id"].as_str().unwrap_or_default();
    eventually("the event came again", SOON, async || {
        let times = receiver.delivered().iter().filter(|delivered| delivered.id == event).count();
        Ok((times == 2).then_some(()))
    })
    .await?;
    world.finish().await
}

async fn deliveries_outlive_a_receiver_that_is_down_and_a_crash_of_ours(stack: Stack) -> ScenarioResult<()> {
    let mut world = World::start(hasty(stack).await?.with_kills(), People::Inside).await?;
    let receiver = Receiver::start().await?;
    receiver.set_down(true);
    add_endpoint(&mut world, &receiver).await?;
    world.add_senders(2, "unlimited").await?;
    let audience = Audience::mixed(22, 60);
    let campaign = world.submit(&audience).await?;
    world.ended(&campaign, CAMPAIGN).await?;
    eventually("the receiver turned some away", SOON, async || Ok((receiver.turned_away() > 30).then_some(()))).await?;
    world.kill().await?;
    receiver.set_down(false);
    assert!(receiver.delivered().is_empty());
    world.restart().await?;
    everything_arrived(&world, &receiver).await?;
    assert_eq!(receiver.unverified(), 0);
    // A receipt that overtakes the outcome says that a message was sent, too.
    let told: BTreeSet<_> = receiver
        .delivered()
        .into_iter()
        .filter(|delivered| {
            ["message.sent", "message.delivered", "message.read"].iter().any(|kind| delivered.body["type"] == *kind)
        })
        .map(|delivered| delivered.body["data"]["message_id"].to_string())
        .collect();
    assert_eq!(told.len(), 55, "60 people, five of whom are not on WhatsApp");
    world.finish().await
}

async fn addresses_inside_are_refused_unless_the_configuration_allows_them(stack: Stack) -> ScenarioResult<()> {
    let world = World::start(Installation::on(stack).await?, People::Inside).await?;
    for url in
        ["http://127.0.0.1:9/", "http://localhost:9/", "http://10.0.0.1/", "http://[::1]/", "http://169.254.169.254/"]
    {
        let refused = world.api.post("/v1/webhook-endpoints", &json!({ "url": url })).await?;
        assert_eq!(refused.status, 422, "{url}: {}", refused.body);
    }
    world.finish().await
}

async fn an_endpoint_that_is_gone_is_switched_off_and_on_again_by_command(stack: Stack) -> ScenarioResult<()> {
    let mut world = World::start(hasty(stack).await?, People::Quiet).await?;
    let (gone, well) = (Receiver::start().await?, Receiver::start().await?);
    gone.refuse_with(StatusCode::GONE);
    let endpoint = add_endpoint(&mut world, &gone).await?;
    add_endpoint(&mut world, &well).await?;
    world.add_senders(2, "unlimited").await?;
    let campaign = world.submit(&Audience::ordinary(23, 40)).await?;
    world.ended(&campaign, CAMPAIGN).await?;
    let kinds = everything_arrived(&world, &well).await?;
    assert!(kinds.contains("webhook.disabled"), "{kinds:?}");
    let id = endpoint["id"].as_str().unwrap_or_default();
    let told = well.delivered().into_iter().filter(|delivered| delivered.body["type"] == "webhook.disabled");
    let told: Vec<_> = told.map(|delivered| delivered.body["data"].clone()).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((&told[0]["endpoint_id"], &told[0]["reason"]), (&json!(id), &json!("gone")));
    let tried = gone.turned_away();
    assert!(tried <= 16, "what was under way when it said so, and nothing after: {tried}");

    let client = Installation::new()?.with("PACELINE_API__URL", world.api.url()).with("PACELINE_API__KEY", world.key());
    let listed = client.run(&["webhook", "list", "--json"], COMMAND).await?;
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let shown: Vec<Value> = listed.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert_eq!(shown.len(), 2, "{listed}");
    assert_eq!((&shown[0]["id"], &shown[0]["disabled"]["reason"]), (&json!(id), &json!("gone")), "{listed}");
    assert_eq!(shown[1]["disabled"], Value::Null);
    let table = client.run(&["webhook", "list"], COMMAND).await?;
    assert!(String::from_utf8_lossy(&table.stdout).contains(" off "), "{table:?}");

    gone.set_down(false);
    let enabled = client.run(&["webhook", "enable", id], COMMAND).await?;
    assert!(enabled.status.success(), "{enabled:?}");
    let again = world.submit(&Audience::ordinary(24, 5)).await?;
    world.ended(&again, CAMPAIGN).await?;
    eventually("it hears again", SOON, async || Ok((gone.delivered().len() > 5).then_some(()))).await?;
    assert_eq!(gone.turned_away(), tried);
    world.finish().await
}

async fn endpoints_that_refuse_everything_hear_nothing_of_themselves_or_of_each_other(
    stack: Stack,
) -> ScenarioResult<()> {
    // One try each.
    let hasty = hasty(stack).await?.with("PACELINE_WEBHOOKS__SCHEDULE_SECONDS", "0");
    let mut world = World::start(hasty, People::Quiet).await?;
    let dead = [Receiver::start().await?, Receiver::start().await?];
    for receiver in &dead {
        receiver.refuse_with(StatusCode::NOT_FOUND);
        add_endpoint(&mut world, receiver).await?;
    }
    world.add_senders(2, "unlimited").await?;
    let campaign = world.submit(&Audience::ordinary(25, 20)).await?;
    world.ended(&campaign, CAMPAIGN).await?;
    let mut before = 0;
    let events = eventually("nothing more is told", CAMPAIGN, async || {
        let tries = dead.iter().map(Receiver::turned_away).sum::<u64>();
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        let still = std::mem::replace(&mut before, tries) == tries;
        if still { Ok(Some(world.api.events_after("").await?)) } else { Ok(None) }
    })
    .await?;
    let reports = events.iter().filter(|event| event["type"] == "webhook.exhausted").count();
    let others = events.len() - reports;
    assert_eq!(
        reports,
        others * 2,
        "one report of each failure to deliver what happened, and none of failures to report"
    );
    assert_eq!(dead.iter().map(Receiver::turned_away).sum::<u64>(), u64::try_from(others * 2 + reports).unwrap_or(0));
    world.finish().await
}
