//! What a person decides about a sender may change while it works.

use paceline_e2e::{Audience, Installation, People, ScenarioResult, Stack, World, eventually};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    bounds::{CAMPAIGN, SOON},
    stacks::on_both_stacks,
};

on_both_stacks![a_change_of_profile_is_taken_up_in_the_middle_of_a_campaign, a_sender_that_joins_a_pool_sends_for_it,];

/// One sender that sends one message a second, in its session.
async fn crawling(stack: Stack, pool: &str) -> ScenarioResult<(World, Value)> {
    let installation = Installation::on(stack).await?.with_profile("crawl", &[("PER_SECOND", "1")]);
    let world = World::start(installation, People::Quiet).await?;
    let sender = json!({ "phone": "+15550100001", "channel": "simulator", "profile": "crawl", "pools": [pool] });
    let sender = world.api.post("/v1/senders", &sender).await?.ok()?;
    let sender = eventually("the sender is connected", SOON, async || {
        let sender = world.api.get(&path(&sender)).await?.ok()?;
        Ok((sender["session"]["state"] == "connected").then_some(sender))
    })
    .await?;
    Ok((world, sender))
}

fn path(sender: &Value) -> String {
    format!("/v1/senders/{}", sender["id"].as_str().unwrap_or_default())
}

async fn change(world: &World, sender: &Value, to: &Value) -> ScenarioResult<Value> {
    world.api.send(world.api.request(Method::PATCH, &path(sender)).json(to)).await?.ok()
}

async fn session_is_the_same(world: &World, before: &Value) -> ScenarioResult<()> {
    let after = world.api.get(&path(before)).await?.ok()?;
    assert_eq!(after["session"], before["session"], "the session goes on");
    assert_eq!(after["lease"]["epoch"], before["lease"]["epoch"], "nobody else works for it");
    Ok(())
}

async fn a_change_of_profile_is_taken_up_in_the_middle_of_a_campaign(stack: Stack) -> ScenarioResult<()> {
    let (mut world, sender) = crawling(stack, "default").await?;
    // At its first pace it would take twice as long as the campaign is given.
    let audience = Audience::ordinary(61, 80);
    let campaign = world.submit(&audience).await?;
    world.sent(2, CAMPAIGN).await?;
    let changed = change(&world, &sender, &json!({ "profile": "unlimited", "name": "Fast" })).await?;
    assert_eq!((&changed["profile"], &changed["name"]), (&json!("unlimited"), &json!("Fast")));
    assert_eq!(changed["pools"], json!(["default"]), "what is absent stays");
    world.ended(&campaign, CAMPAIGN).await?;
    world.all_saw_it_once(&campaign, &audience).await?;
    session_is_the_same(&world, &sender).await?;
    world.finish().await
}

async fn a_sender_that_joins_a_pool_sends_for_it(stack: Stack) -> ScenarioResult<()> {
    let (mut world, sender) = crawling(stack, "other").await?;
    let message = json!({ "to": "+15557000001", "text": "Hello", "pool": "main" });
    let refused = world.api.post("/v1/messages", &message).await?;
    assert!(refused.status >= 400, "no sender of the pool can send it: {}", refused.body);
    let changed = change(&world, &sender, &json!({ "pools": ["main", "other"] })).await?;
    assert_eq!(changed["pools"], json!(["main", "other"]));
    let accepted = world.api.post("/v1/messages", &message).await?.ok()?;
    let path = format!("/v1/messages/{}", accepted["id"].as_str().unwrap_or_default());
    eventually("it is sent", SOON, async || Ok((world.api.get(&path).await?.ok()?["state"] == "sent").then_some(())))
        .await?;
    session_is_the_same(&world, &sender).await?;
    world.must_not_be_logged(["+15557000001".to_owned()]);
    world.finish().await
}
