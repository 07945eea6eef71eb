//! Webhooks from end to end: every event arrives, signed, whatever happens in between.

use std::collections::BTreeSet;

use paceline_e2e::{Audience, Installation, People, Receiver, ScenarioError, ScenarioResult, Stack, World, eventually};
use serde_json::{Value, json};

use crate::{
    bounds::{CAMPAIGN, SOON},
    stacks::on_both_stacks,
};

on_both_stacks![
    every_event_arrives_and_verifies_with_an_independent_library,
    deliveries_outlive_a_receiver_that_is_down_and_a_crash_of_ours,
    addresses_inside_are_refused_unless_the_configuration_allows_them,
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
