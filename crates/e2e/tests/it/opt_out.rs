//! STOP: from then on nobody writes to that person.

use paceline_e2e::{Audience, Installation, People, ScenarioResult, Stack, World, eventually};
use serde_json::json;

use crate::{
    bounds::{CAMPAIGN, SOON},
    stacks::on_both_stacks,
};

on_both_stacks![
    a_person_who_writes_stop_is_left_alone_at_once,
    an_ordinary_answer_suppresses_nobody_and_a_removed_suppression_is_over,
];

/// The first message leaves at once, the next ones not for a while.
const CALM: [(&str, &str); 5] = [
    ("PER_SECOND", "1"),
    ("GAP__MEDIAN_SECONDS", "60"),
    ("GAP__SIGMA", "0.1"),
    ("GAP__MIN_SECONDS", "50"),
    ("GAP__MAX_SECONDS", "70"),
];

async fn a_person_who_writes_stop_is_left_alone_at_once(stack: Stack) -> ScenarioResult<()> {
    let installation = Installation::on(stack).await?.with_profile("calm", &CALM);
    let mut world = World::start(installation, People::Quiet).await?;
    let sender = world.add_senders(1, "calm").await?.remove(0);
    world.senders_connected().await?;
    let audience = Audience::ordinary(31, 4);
    let campaign = world.submit(&audience).await?;
    world.sent(1, SOON).await?;
    let path = format!("/v1/campaigns/{campaign}/messages");
    let last =
        world.api.list(&path).await?.into_iter().rfind(|message| message["state"] == "waiting").expect("some wait");
    let person = last["to"].as_str().unwrap_or_default().to_owned();
    world.network.write_as(&person, &sender, " Stop! ").await?;

    let message = format!("/v1/messages/{}", last["id"].as_str().unwrap_or_default());
    let story = eventually("the waiting message is cancelled", SOON, async || {
        let story = world.api.get(&message).await?.ok()?;
        Ok((story["state"] == "cancelled").then_some(story))
    })
    .await?;
    assert_eq!(story["reason"], "opted_out", "{story}");
    assert_eq!(story["why"]["code"], "opted_out", "{story}");
    let suppressions = world.api.list("/v1/suppressions").await?;
    assert_eq!(suppressions.len(), 1);
    assert_eq!(suppressions[0]["phone"], person.as_str(), "{suppressions:?}");

    let send = json!({ "to": person, "text": "Are you sure?" });
    let refused = world.api.post("/v1/messages", &send).await?;
    assert_eq!((refused.status, refused.slug()), (409, "recipient-suppressed"), "{}", refused.body);

    let second = world.submit(&audience).await?;
    let progress = eventually("the second campaign is planned", SOON, async || {
        let progress = world.progress(&second).await?;
        Ok((progress["planning"]["done"] == true).then_some(progress))
    })
    .await?;
    assert_eq!(progress["excluded"], json!({ "suppressed": 1 }), "{progress}");
    assert_eq!(progress["account"]["planned"], 3);
    let excluded = world.api.list(&format!("/v1/campaigns/{second}/exclusions")).await?;
    assert_eq!((&excluded[0]["phone"], excluded[0]["since"].is_string()), (&json!(person), true), "{excluded:?}");
    assert!(!world.network.sightings().await?.contains_key(&person), "nothing reached them");
    let account = world.progress(&campaign).await?["account"].clone();
    assert_eq!((&account["cancelled"], &account["balanced"]), (&json!(1), &json!(true)), "{account}");
    world.finish().await
}

async fn an_ordinary_answer_suppresses_nobody_and_a_removed_suppression_is_over(stack: Stack) -> ScenarioResult<()> {
    let mut world = World::start(Installation::on(stack).await?, People::Quiet).await?;
    let sender = world.add_senders(1, "unlimited").await?.remove(0);
    let audience = Audience::ordinary(32, 2);
    let campaign = world.submit(&audience).await?;
    world.ended(&campaign, CAMPAIGN).await?;
    let (one, other) = (&audience.phones()[0], &audience.phones()[1]);
    world.network.write_as(one, &sender, "Please do not stop, I like it").await?;
    world.network.write_as(other, &sender, "DÉSABONNER").await?;
    let account = eventually("both have answered", SOON, async || {
        let account = world.progress(&campaign).await?["account"].clone();
        Ok((account["replied"] == 2).then_some(account))
    })
    .await?;
    assert_eq!(account["opted_out"], 1, "{account}");
    let suppressions = world.api.list("/v1/suppressions").await?;
    assert_eq!(suppressions.len(), 1, "{suppressions:?}");
    assert_eq!(suppressions[0]["phone"], other.as_str());

    let id = suppressions[0]["id"].as_str().unwrap_or_default();
    world.api.delete(&format!("/v1/suppressions/{id}")).await?.ok()?;
    let sent = world.api.post("/v1/messages", &json!({ "to": other, "text": "Welcome back" })).await?;
    assert_eq!(sent.status, 201, "{}", sent.body);
    world.finish().await
}
