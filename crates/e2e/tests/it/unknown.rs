//! Messages of which nobody knows whether they were sent: held until a person decides, or settled by the policy that was chosen.

use std::collections::BTreeMap;

use paceline_e2e::{Audience, Installation, People, ScenarioError, ScenarioResult, Stack, World, eventually};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    bounds::{CAMPAIGN, WATCH},
    stacks::on_both_stacks,
};

on_both_stacks![
    what_is_unknown_is_held_until_a_person_decides_and_then_by_the_policy,
    a_workspace_that_chose_to_resend_loses_nothing_and_repeats_only_what_was_unknown,
];

/// A network that shows repeats, and loses so many answers.
async fn doubtful(stack: Stack, lost: u64) -> ScenarioResult<World> {
    let installation = Installation::on(stack)
        .await?
        .with("PACELINE_WORKER__SEND_TIMEOUT_SECONDS", "1")
        .with("PACELINE_CONTROL__UNKNOWN_GRACE_SECONDS", "1");
    let mut world = World::start(installation, People::Quiet).await?;
    world.network.add_fault(&json!({ "kind": "repeats_delivered" })).await?;
    world.network.add_fault(&json!({ "kind": "lose_ack", "count": lost })).await?;
    world.add_senders(2, "unlimited").await?;
    world.senders_connected().await?;
    Ok(world)
}

/// Waits until the account says so; answers with it.
async fn account(world: &World, campaign: &str, expected: &[(&str, u64)]) -> ScenarioResult<Value> {
    eventually("the account says so", CAMPAIGN, async || {
        let progress = world.progress(campaign).await?;
        let account = &progress["account"];
        let holds = expected.iter().all(|(bucket, count)| account[*bucket] == *count);
        if holds { Ok(Some(account.clone())) } else { Err(ScenarioError::new(format!("{expected:?}, but {progress}"))) }
    })
    .await
}

async fn choose(world: &World, policy: &str) -> ScenarioResult<()> {
    let request = world.api.request(Method::PATCH, "/v1/workspace").json(&json!({ "unknown_policy": policy }));
    let chosen = world.api.send(request).await?.ok()?;
    assert_eq!(chosen["unknown_policy"], policy);
    Ok(())
}

/// The ids of the messages that are unknown.
async fn unknown(world: &World) -> ScenarioResult<Vec<String>> {
    let listed = world.api.get("/v1/messages?state=unknown").await?.ok()?;
    let ids = listed["items"].as_array().into_iter().flatten().filter_map(|message| message["id"].as_str());
    Ok(ids.map(str::to_owned).collect())
}

async fn resolve(world: &World, id: &str, resolution: &str) -> ScenarioResult<paceline_e2e::Answer> {
    world.api.post(&format!("/v1/messages/{id}/resolve"), &json!({ "as": resolution })).await
}

async fn what_is_unknown_is_held_until_a_person_decides_and_then_by_the_policy(stack: Stack) -> ScenarioResult<()> {
    let mut world = doubtful(stack, 4).await?;
    let audience = Audience::ordinary(82, 40);
    let campaign = world.submit(&audience).await?;
    let progress = world.ended(&campaign, CAMPAIGN).await?;
    assert_eq!((&progress["account"]["unknown"], &progress["account"]["sent"]), (&json!(4), &json!(36)));
    let ids = unknown(&world).await?;
    assert_eq!(ids.len(), 4, "they are listed");
    tokio::time::sleep(WATCH).await;
    assert_eq!(unknown(&world).await?, ids, "the policy is to hold them");

    for (id, resolution) in ids.iter().zip(["sent", "failed", "resend"]) {
        resolve(&world, id, resolution).await?.ok()?;
    }
    assert_eq!(resolve(&world, &ids[0], "sent").await?.status, 200, "the same decision again is no other");
    let refused = resolve(&world, &ids[0], "failed").await?;
    assert_eq!((refused.status, refused.slug()), (409, "message-not-unknown"));
    account(&world, &campaign, &[("sent", 38), ("failed", 1), ("unknown", 1), ("waiting", 0)]).await?;
    let again = world.api.get(&format!("/v1/messages/{}", ids[2])).await?.ok()?;
    assert_eq!((&again["attempt_count"], &again["state"]), (&json!(2), &json!("sent")));
    let summary = world.network.summary().await?;
    assert_eq!((summary.repeats, summary.duplicates), (1, 1), "with the same id: {summary:?}");

    choose(&world, "fail").await?;
    let account = account(&world, &campaign, &[("sent", 38), ("failed", 2), ("unknown", 0)]).await?;
    assert_eq!(account["balanced"], true, "{account}");
    let last = world.api.get(&format!("/v1/messages/{}", ids[3])).await?.ok()?;
    assert_eq!((&last["state"], &last["reason"]), (&json!("failed"), &json!("outcome_unknown")));
    // An event is seen once it has its number.
    eventually("each decision is an event", CAMPAIGN, async || {
        let events = world.api.events_after("").await?;
        let resolved = events.iter().filter(|event| event["type"] == "message.resolved").count();
        if resolved == 4 { Ok(Some(())) } else { Err(ScenarioError::new(format!("there are {resolved}"))) }
    })
    .await?;
    world.ended(&campaign, CAMPAIGN).await?;
    world.finish().await
}

async fn a_workspace_that_chose_to_resend_loses_nothing_and_repeats_only_what_was_unknown(
    stack: Stack,
) -> ScenarioResult<()> {
    let mut world = doubtful(stack, 3).await?;
    choose(&world, "resend").await?;
    let audience = Audience::ordinary(83, 40);
    let campaign = world.submit(&audience).await?;
    let account = account(&world, &campaign, &[("sent", 40), ("unknown", 0), ("waiting", 0)]).await?;
    assert_eq!(account["balanced"], true, "{account}");
    let summary = world.network.summary().await?;
    assert_eq!((summary.distinct_messages, summary.repeats), (40, 3), "no message has two ids: {summary:?}");
    let mut senders: BTreeMap<String, String> = BTreeMap::new();
    for line in world.network.journal().await? {
        let first = senders.entry(line.id).or_insert_with(|| line.sender.clone());
        assert_eq!(*first, line.sender, "the same sender repeats");
    }
    world.ended(&campaign, CAMPAIGN).await?;
    world.finish().await
}
