//! Never silent: a message tells its story, and why it waits.

use paceline_e2e::{Audience, Installation, People, ScenarioResult, Stack, World, eventually};
use serde_json::{Value, json};

use crate::{
    bounds::{CAMPAIGN, SOON},
    stacks::on_both_stacks,
};

on_both_stacks![
    a_message_tells_everything_that_happened_to_it_in_order,
    a_waiting_message_says_what_it_waits_for,
    no_message_leaves_before_its_time,
    a_message_that_is_too_late_expires_and_says_so,
];

/// The first message leaves at once, the next ones not for a while.
const CALM: [(&str, &str); 5] = [
    ("PER_SECOND", "1"),
    ("GAP__MEDIAN_SECONDS", "60"),
    ("GAP__SIGMA", "0.1"),
    ("GAP__MIN_SECONDS", "50"),
    ("GAP__MAX_SECONDS", "70"),
];

fn moments(story: &Value) -> Vec<&str> {
    story["timeline"].as_array().into_iter().flatten().filter_map(|moment| moment["what"].as_str()).collect()
}

async fn a_message_tells_everything_that_happened_to_it_in_order(stack: Stack) -> ScenarioResult<()> {
    let installation = Installation::on(stack)
        .await?
        .with("PACELINE_CLOCK__SPEED", "3000")
        .with("PACELINE_CLOCK__ORIGIN", "2025-01-06T08:00:00Z");
    let mut world = World::start(installation, People::Inside).await?;
    world.add_senders(1, "unlimited").await?;
    let campaign = world.submit(&Audience::mixed(71, 40)).await?;
    world.ended(&campaign, CAMPAIGN).await?;
    let path = format!("/v1/campaigns/{campaign}/messages");
    let replied = eventually("somebody has answered", SOON, async || {
        let messages = world.api.list(&path).await?;
        Ok(messages.into_iter().find(|message| message["replied_at"].is_string() && message["state"] == "read"))
    })
    .await?;
    let story = eventually("the outcome is written, too", SOON, async || {
        let id = replied["id"].as_str().unwrap_or_default();
        let story = world.api.get(&format!("/v1/messages/{id}")).await?.ok()?;
        Ok(moments(&story).contains(&"sent").then_some(story))
    })
    .await?;
    let told = moments(&story);
    assert_eq!(told[..2], ["created", "intended"], "{story}");
    // At this speed what the person does may overtake the outcome, which takes minutes of campaign time to be written.
    let persons: Vec<_> = told[2..].iter().copied().filter(|what| *what != "sent").collect();
    assert_eq!((persons, told.len()), (vec!["delivered", "read", "replied"], 6), "{story}");
    assert_eq!(story["attempts"].as_array().map(Vec::len), Some(1), "{story}");
    let attempt = &story["attempts"][0];
    assert_eq!((&attempt["outcome"], &attempt["sends"]), (&json!("sent"), &json!(1)), "{story}");
    assert_eq!(story["why"]["code"], "read", "{story}");

    let failed = world.api.list(&path).await?.into_iter().find(|message| message["state"] == "failed");
    let failed = failed.expect("some are not on WhatsApp");
    let story = world.api.get(&format!("/v1/messages/{}", failed["id"].as_str().unwrap_or_default())).await?.ok()?;
    assert_eq!(
        (&story["reason"], &story["why"]["code"]),
        (&json!("not_on_whatsapp"), &json!("not_on_whatsapp")),
        "{story}"
    );
    world.finish().await
}

async fn a_waiting_message_says_what_it_waits_for(stack: Stack) -> ScenarioResult<()> {
    let mut world = World::start(Installation::on(stack).await?.with_profile("calm", &CALM), People::Quiet).await?;
    let later = json!({ "to": "+4915123456741", "text": "Later", "not_before": "2099-01-01T00:00:00Z" });
    world.add_senders(1, "calm").await?;
    world.senders_connected().await?;
    let why = async |world: &World, message: &Value| -> ScenarioResult<Value> {
        let story =
            world.api.get(&format!("/v1/messages/{}", message["id"].as_str().unwrap_or_default())).await?.ok()?;
        assert_eq!(story["state"], "waiting", "{story}");
        assert!(story["why"]["detail"].as_str().is_some_and(|detail| detail.ends_with('.')), "{story}");
        Ok(story["why"].clone())
    };
    let later = world.api.post("/v1/messages", &later).await?.ok()?;
    let told = why(&world, &later).await?;
    assert_eq!((&told["code"], &told["until"]), (&json!("not_before"), &json!("2099-01-01T00:00:00Z")), "{told}");

    let campaign = world.submit(&Audience::ordinary(72, 30)).await?;
    world.sent(1, SOON).await?;
    let waiting = eventually("the rest waits", SOON, async || {
        let messages = world.api.list(&format!("/v1/campaigns/{campaign}/messages")).await?;
        let waiting: Vec<_> = messages.into_iter().filter(|message| message["state"] == "waiting").collect();
        Ok((waiting.len() == 29).then_some(waiting))
    })
    .await?;
    let mut codes = Vec::new();
    for message in &waiting {
        codes.push(why(&world, message).await?["code"].clone());
    }
    assert!(codes.iter().all(|code| ["released", "gap", "queued"].iter().any(|known| code == known)), "{codes:?}");
    assert_eq!(world.progress(&campaign).await?["why"]["code"], "gap");

    world.api.act(&format!("/v1/campaigns/{campaign}/pause")).await?.ok()?;
    assert_eq!(why(&world, &waiting[0]).await?["code"], "campaign_paused");
    world.api.act(&format!("/v1/campaigns/{campaign}/resume")).await?.ok()?;
    let sender = world.api.list("/v1/senders").await?.remove(0);
    world.api.act(&format!("/v1/senders/{}/pause", sender["id"].as_str().unwrap_or_default())).await?.ok()?;
    eventually("the messages wait for a sender", SOON, async || {
        let told = why(&world, &waiting[28]).await?;
        Ok(["no_sender", "sender_paused"].iter().any(|known| told["code"] == *known).then_some(()))
    })
    .await?;
    world.finish().await
}

async fn no_message_leaves_before_its_time(stack: Stack) -> ScenarioResult<()> {
    // Ten minutes of campaign time pass in six seconds.
    let installation = Installation::on(stack)
        .await?
        .with("PACELINE_CLOCK__SPEED", "100")
        .with("PACELINE_CLOCK__ORIGIN", "2025-01-06T08:00:00Z");
    let mut world = World::start(installation, People::Inside).await?;
    world.add_senders(1, "unlimited").await?;
    world.senders_connected().await?;
    let later = json!({ "to": "+4915123456750", "text": "Later", "not_before": "2025-01-06T08:10:00Z" });
    let message = world.api.post("/v1/messages", &later).await?.ok()?;
    let path = format!("/v1/messages/{}", message["id"].as_str().unwrap_or_default());
    let story = eventually("the message is sent", CAMPAIGN, async || {
        let story = world.api.get(&path).await?.ok()?;
        Ok(story["sent_at"].is_string().then_some(story))
    })
    .await?;
    let intended = story["attempts"][0]["intended_at"].as_str().unwrap_or_default();
    assert!(intended >= "2025-01-06T08:10:00", "it left at {intended}");
    world.finish().await
}

async fn a_message_that_is_too_late_expires_and_says_so(stack: Stack) -> ScenarioResult<()> {
    // Campaign time runs so fast that its two hours pass in six seconds.
    let installation = Installation::on(stack)
        .await?
        .with("PACELINE_CLOCK__SPEED", "1200")
        .with("PACELINE_CLOCK__ORIGIN", "2025-01-06T08:00:00Z");
    let mut world = World::start(installation, People::Inside).await?;
    world.add_senders(1, "gentle").await?;
    let late = json!({
        "to": "+4915123456741",
        "text": "Late",
        "not_before": "2025-01-06T10:00:00Z",
        "expires_at": "2025-01-06T10:00:00.001Z",
    });
    let message = world.api.post("/v1/messages", &late).await?.ok()?;
    let path = format!("/v1/messages/{}", message["id"].as_str().unwrap_or_default());
    let story = eventually("the message is expired", CAMPAIGN, async || {
        let story = world.api.get(&path).await?.ok()?;
        Ok((story["state"] == "expired").then_some(story))
    })
    .await?;
    assert_eq!(story["why"]["code"], "expired", "{story}");
    assert_eq!(moments(&story), ["created", "expired"], "{story}");
    assert!(world.network.journal().await?.is_empty());
    world.finish().await
}
