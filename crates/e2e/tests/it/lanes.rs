//! A single message does not wait behind a campaign.

use paceline_e2e::{Audience, Installation, People, ScenarioResult, Stack, World, eventually};
use serde_json::json;

use crate::{bounds::SOON, stacks::on_both_stacks};

on_both_stacks![
    a_transactional_message_goes_ahead_of_a_campaign_on_a_paced_sender,
    a_repeated_request_with_its_key_sends_once,
];

async fn a_transactional_message_goes_ahead_of_a_campaign_on_a_paced_sender(stack: Stack) -> ScenarioResult<()> {
    let gap = [
        ("PER_SECOND", "10"),
        ("GAP__MEDIAN_SECONDS", "0.5"),
        ("GAP__SIGMA", "0.1"),
        ("GAP__MIN_SECONDS", "0.4"),
        ("GAP__MAX_SECONDS", "0.6"),
    ];
    let installation = Installation::on(stack).await?.with_profile("calm", &gap);
    let mut world = World::start(installation, People::Quiet).await?;
    let sender = world.add_senders(1, "calm").await?.remove(0);
    let audience = Audience::ordinary(51, 60);
    world.submit(&audience).await?;
    // The window of eight is full of campaign messages by then.
    world.sent(3, SOON).await?;
    let urgent = "+4915199887766".to_owned();
    world.must_not_be_logged([urgent.trim_start_matches('+').to_owned()]);
    let sent = world.api.post("/v1/messages", &json!({ "to": urgent, "text": "Your code is 1234" })).await?.ok()?;
    let before = world.network.summary().await?.physical_sends;
    let line = eventually("the message is sent", SOON, async || {
        Ok(world.network.journal().await?.into_iter().find(|line| line.recipient == urgent))
    })
    .await?;
    assert!(line.n <= before + 3, "{before} sends were done when it was accepted, and it was number {}", line.n);
    assert_eq!((line.sender, line.id.as_str()), (sender, sent["wa_id"].as_str().unwrap_or_default()));

    let story = eventually("the message is told as sent", SOON, async || {
        let story = world.api.get(&format!("/v1/messages/{}", sent["id"].as_str().unwrap_or_default())).await?.ok()?;
        Ok((story["state"] == "sent").then_some(story))
    })
    .await?;
    assert_eq!((&story["lane"], &story["campaign_id"]), (&json!("transactional"), &json!(null)), "{story}");
    world.finish().await
}

async fn a_repeated_request_with_its_key_sends_once(stack: Stack) -> ScenarioResult<()> {
    let mut world = World::start(Installation::on(stack).await?.with_kills(), People::Quiet).await?;
    world.add_senders(1, "unlimited").await?;
    let person = "+4915199887767".to_owned();
    world.must_not_be_logged([person.trim_start_matches('+').to_owned()]);
    let ask = async |api: &paceline_e2e::Api, text: &str| {
        let request = api.request(reqwest::Method::POST, "/v1/messages").header("idempotency-key", "order-77");
        api.send(request.json(&json!({ "to": person, "text": text }))).await
    };
    let first = ask(&world.api, "Your order is on its way").await?;
    assert_eq!(first.status, 201, "{}", first.body);
    world.sent(1, SOON).await?;
    world.kill().await?;
    world.restart().await?;
    let again = ask(&world.api, "Your order is on its way").await?;
    assert_eq!((again.status, &again.body), (201, &first.body), "the first answer, also after a crash");
    let other = ask(&world.api, "Your order is late").await?;
    assert_eq!((other.status, other.slug()), (422, "idempotency-key-reused"));
    assert_eq!(world.network.inbox(&person).await?.len(), 1);
    world.finish().await
}
