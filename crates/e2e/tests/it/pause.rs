//! Pause and cancel take effect at the next intent, never after a backlog.

use paceline_e2e::{Audience, Installation, People, ScenarioResult, Stack, World, eventually, unchanged};
use serde_json::Value;

use crate::{
    bounds::{CAMPAIGN, SOON, WATCH, campaign_with_kills},
    stacks::on_both_stacks,
};

on_both_stacks![
    a_pause_under_load_lets_only_what_is_in_hand_go,
    a_paused_campaign_stays_paused_through_a_crash,
    a_cancelled_campaign_sends_nothing_more_and_its_account_balances,
    a_paused_sender_sends_nothing_and_its_messages_wait_for_it,
];

async fn drill(stack: Stack) -> ScenarioResult<World> {
    let installation = Installation::on(stack).await?.with_kills().with_profile("drill", &[("PER_SECOND", "60")]);
    let mut world = World::start(installation, People::Quiet).await?;
    world.add_senders(4, "drill").await?;
    Ok(world)
}

fn count(account: &Value, bucket: &str) -> u64 {
    account[bucket].as_u64().unwrap_or_default()
}

/// After a move was answered: waits until what was in hand is settled, and checks that nothing else was sent. Answers with the
/// account.
async fn nothing_more_is_sent(world: &World, campaign: &str) -> ScenarioResult<Value> {
    let at_answer = world.progress(campaign).await?["account"].clone();
    let committed = count(&at_answer, "sent") + count(&at_answer, "sending");
    let account = eventually("what was in hand is settled", SOON, async || {
        let account = world.progress(campaign).await?["account"].clone();
        Ok((count(&account, "sending") == 0).then_some(account))
    })
    .await?;
    let sends = unchanged("the journal", WATCH, async || Ok(world.network.summary().await?.distinct_messages)).await?;
    assert!(sends <= committed, "{sends} messages were sent, but there were {committed} intents when the answer came");
    assert_eq!(sends, count(&account, "sent"), "{account}");
    assert_eq!(account["balanced"], true, "{account}");
    Ok(account)
}

async fn a_pause_under_load_lets_only_what_is_in_hand_go(stack: Stack) -> ScenarioResult<()> {
    let mut world = drill(stack).await?;
    let audience = Audience::ordinary(41, 600);
    let campaign = world.submit(&audience).await?;
    for sends in [60, 250] {
        world.sent(sends, CAMPAIGN).await?;
        let paused = world.api.act(&format!("/v1/campaigns/{campaign}/pause")).await?.ok()?;
        assert_eq!(paused["state"], "paused");
        let account = nothing_more_is_sent(&world, &campaign).await?;
        assert!(count(&account, "waiting") > 0, "it was paused in the middle: {account}");
        let why = world.progress(&campaign).await?["why"].clone();
        assert_eq!(why["code"], "campaign_paused", "{why}");
        world.api.act(&format!("/v1/campaigns/{campaign}/resume")).await?.ok()?;
    }
    world.ended(&campaign, CAMPAIGN).await?;
    world.all_saw_it_once(&campaign, &audience).await?;
    world.finish().await
}

async fn a_paused_campaign_stays_paused_through_a_crash(stack: Stack) -> ScenarioResult<()> {
    let mut world = drill(stack).await?;
    let audience = Audience::ordinary(42, 300);
    let campaign = world.submit(&audience).await?;
    world.sent(60, CAMPAIGN).await?;
    world.api.act(&format!("/v1/campaigns/{campaign}/pause")).await?.ok()?;
    world.kill().await?;
    world.restart().await?;
    nothing_more_is_sent(&world, &campaign).await?;
    assert_eq!(world.progress(&campaign).await?["state"], "paused");
    world.api.act(&format!("/v1/campaigns/{campaign}/resume")).await?.ok()?;
    world.ended(&campaign, campaign_with_kills(stack)).await?;
    world.all_saw_it_once(&campaign, &audience).await?;
    world.finish().await
}

async fn a_cancelled_campaign_sends_nothing_more_and_its_account_balances(stack: Stack) -> ScenarioResult<()> {
    let mut world = drill(stack).await?;
    let audience = Audience::ordinary(43, 500);
    let campaign = world.submit(&audience).await?;
    world.sent(80, CAMPAIGN).await?;
    let cancelled = world.api.act(&format!("/v1/campaigns/{campaign}/cancel")).await?.ok()?;
    assert_eq!(cancelled["state"], "cancelled");
    nothing_more_is_sent(&world, &campaign).await?;
    let account = eventually("nothing waits any more", SOON, async || {
        let account = world.progress(&campaign).await?["account"].clone();
        Ok((count(&account, "waiting") == 0).then_some(account))
    })
    .await?;
    assert_eq!(count(&account, "sent") + count(&account, "cancelled"), 500, "{account}");
    assert!(count(&account, "cancelled") > 0, "{account}");
    assert_eq!(account["balanced"], true, "{account}");
    let refused = world.api.act(&format!("/v1/campaigns/{campaign}/resume")).await?;
    assert_eq!((refused.status, refused.slug()), (409, "campaign-state"), "{}", refused.body);
    assert!(refused.detail().contains("cancelled"), "{}", refused.body);
    world.finish().await
}

async fn a_paused_sender_sends_nothing_and_its_messages_wait_for_it(stack: Stack) -> ScenarioResult<()> {
    let installation = Installation::on(stack).await?.with_profile("drill", &[("PER_SECOND", "40")]);
    let mut world = World::start(installation, People::Quiet).await?;
    world.add_senders(1, "drill").await?;
    let audience = Audience::ordinary(44, 200);
    let campaign = world.submit(&audience).await?;
    world.sent(30, CAMPAIGN).await?;
    let sender = world.api.list("/v1/senders").await?.remove(0);
    let id = sender["id"].as_str().unwrap_or_default();
    assert_eq!(world.api.act(&format!("/v1/senders/{id}/pause")).await?.ok()?["state"], "paused");
    let account = nothing_more_is_sent(&world, &campaign).await?;
    assert!(count(&account, "waiting") > 0, "{account}");
    assert_eq!(world.progress(&campaign).await?["why"]["code"], "no_sender");
    world.api.act(&format!("/v1/senders/{id}/resume")).await?.ok()?;
    world.ended(&campaign, CAMPAIGN).await?;
    world.all_saw_it_once(&campaign, &audience).await?;
    world.finish().await
}
