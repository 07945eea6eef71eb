//! What WhatsApp forbids a sender, and for how long.

use paceline_e2e::{Audience, Installation, People, ScenarioResult, Stack, World, eventually, unchanged};
use serde_json::json;

use crate::{
    bounds::{CAMPAIGN, SOON, WATCH},
    stacks::on_both_stacks,
};

on_both_stacks![
    a_temporary_ban_halts_the_sender_until_it_is_over,
    the_messages_of_a_banned_sender_go_to_the_others_of_its_pool,
    a_network_that_is_busy_for_a_while_is_tried_again_later_and_later,
    refusals_of_the_network_become_reasons,
];

async fn drill(stack: Stack) -> ScenarioResult<Installation> {
    Ok(Installation::on(stack).await?.with_profile("drill", &[("PER_SECOND", "40")]))
}

async fn a_temporary_ban_halts_the_sender_until_it_is_over(stack: Stack) -> ScenarioResult<()> {
    let mut world = World::start(drill(stack).await?, People::Quiet).await?;
    let phone = world.add_senders(1, "drill").await?.remove(0);
    let audience = Audience::ordinary(61, 200);
    let campaign = world.submit(&audience).await?;
    world.sent(40, CAMPAIGN).await?;
    world.network.add_fault(&json!({ "kind": "temporary_ban", "sender": phone, "seconds": 5 })).await?;
    let sender = eventually("the sender is told as suspended", SOON, async || {
        let sender = world.api.list("/v1/senders").await?.remove(0);
        Ok((sender["why"]["code"] == "suspended").then_some(sender))
    })
    .await?;
    assert!(sender["suspension"]["until"].is_string(), "{sender}");
    assert_eq!(sender["why"]["until"], sender["suspension"]["until"], "{sender}");
    let why = world.progress(&campaign).await?["why"].clone();
    assert_eq!((&why["code"], &why["until"]), (&json!("suspended"), &sender["suspension"]["until"]), "{why}");
    unchanged("the journal", WATCH, async || Ok(world.network.summary().await?.physical_sends)).await?;

    world.ended(&campaign, CAMPAIGN).await?;
    world.all_saw_it_once(&campaign, &audience).await?;
    let after = world.api.list("/v1/senders").await?.remove(0);
    assert_eq!((&after["suspension"], &after["session"]["state"]), (&json!(null), &json!("connected")), "{after}");
    let kinds: Vec<_> = world.api.events_after("").await?.into_iter().map(|event| event["type"].clone()).collect();
    assert!(kinds.contains(&json!("sender.suspended")), "{kinds:?}");
    world.finish().await
}

async fn the_messages_of_a_banned_sender_go_to_the_others_of_its_pool(stack: Stack) -> ScenarioResult<()> {
    let mut world = World::start(drill(stack).await?, People::Quiet).await?;
    let phones = world.add_senders(2, "drill").await?;
    let audience = Audience::ordinary(62, 240);
    let campaign = world.submit(&audience).await?;
    world.sent(60, CAMPAIGN).await?;
    world.network.add_fault(&json!({ "kind": "permanent_ban", "sender": phones[0] })).await?;
    world.ended(&campaign, CAMPAIGN).await?;
    world.all_saw_it_once(&campaign, &audience).await?;
    let senders = world.api.list("/v1/senders").await?;
    let banned = senders.iter().find(|sender| sender["phone"] == phones[0].as_str()).expect("it is still listed");
    assert_eq!(banned["why"]["code"], "sender_banned", "{banned}");
    world.finish().await
}

async fn a_network_that_is_busy_for_a_while_is_tried_again_later_and_later(stack: Stack) -> ScenarioResult<()> {
    let mut world = World::start(drill(stack).await?, People::Quiet).await?;
    world.add_senders(1, "drill").await?;
    let busy = world.network.add_fault(&json!({ "kind": "reject", "reason": "unavailable" })).await?;
    let audience = Audience::ordinary(64, 20);
    let campaign = world.submit(&audience).await?;
    // Five attempts at once would have been spent within this time.
    let mut refused = 0;
    let began = tokio::time::Instant::now();
    while began.elapsed() < WATCH * 2 {
        refused = world.network.strikes(busy).await?;
        tokio::time::sleep(WATCH / 10).await;
    }
    assert!(refused <= 40, "{refused} tries of 20 messages in {:?}", WATCH * 2);
    world.network.remove_fault(busy).await?;
    world.ended(&campaign, CAMPAIGN).await?;
    world.all_saw_it_once(&campaign, &audience).await?;
    world.finish().await
}

async fn refusals_of_the_network_become_reasons(stack: Stack) -> ScenarioResult<()> {
    let mut world = World::start(drill(stack).await?, People::Quiet).await?;
    world.add_senders(2, "drill").await?;
    world.network.add_fault(&json!({ "kind": "reject", "reason": "blocked", "count": 3 })).await?;
    world
        .network
        .add_fault(&json!({ "kind": "reject", "reason": "unavailable", "count": 4, "after_sends": 20 }))
        .await?;
    let audience = Audience::ordinary(63, 80);
    let campaign = world.submit(&audience).await?;
    let progress = world.ended(&campaign, CAMPAIGN).await?;
    assert_eq!(progress["failed"].as_object().map(|failed| failed.values().cloned().collect()), Some(vec![json!(3)]));
    assert_eq!(progress["account"]["sent"], 77, "what may be tried again was: {progress}");
    let summary = world.network.summary().await?;
    assert_eq!((summary.physical_sends, summary.duplicates), (77, 0), "{summary:?}");
    world.finish().await
}
