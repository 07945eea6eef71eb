//! The event log: none skipped, none doubled, whatever dies in between.

use paceline_e2e::{Audience, Installation, People, ScenarioError, ScenarioResult, Stack, World, eventually};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    bounds::{SOON, campaign_with_kills},
    stacks::on_both_stacks,
};

on_both_stacks![a_stream_and_a_cursor_miss_nothing_across_a_crash, who_waits_for_an_event_is_answered_when_it_comes,];

/// Reads server-sent events until the connection ends, `enough` says so, or nothing comes for a while.
async fn read_stream(world: &World, seen: &mut Vec<Value>, enough: impl Fn(&[Value]) -> bool) -> ScenarioResult<()> {
    let mut request = world.api.request(Method::GET, "/v1/events/stream");
    if let Some(last) = seen.last() {
        request = request.header("last-event-id", last["sequence"].as_str().unwrap_or_default());
    }
    let mut response = request.send().await?.error_for_status()?;
    let mut unread = String::new();
    while !enough(seen) {
        let chunk = tokio::time::timeout(SOON, response.chunk()).await;
        let Ok(Some(chunk)) = chunk.map_err(|_| ScenarioError::new("the stream fell silent"))? else { return Ok(()) };
        unread.push_str(&String::from_utf8_lossy(&chunk));
        while let Some((event, rest)) =
            unread.split_once("\n\n").map(|(event, rest)| (event.to_owned(), rest.to_owned()))
        {
            unread = rest;
            let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
            if let Some(data) = field("data:") {
                let data: Value = serde_json::from_str(data)?;
                assert_eq!(field("id:"), data["sequence"].as_str(), "{event}");
                assert_eq!(field("event:"), data["type"].as_str(), "{event}");
                seen.push(data);
            }
        }
    }
    Ok(())
}

fn sequences(events: &[Value]) -> Vec<u64> {
    events
        .iter()
        .map(|event| event["sequence"].as_str().and_then(|text| text.parse().ok()).expect("a number"))
        .collect()
}

fn of_messages(events: &[Value], kind: &str) -> usize {
    events.iter().filter(|event| event["type"] == kind).count()
}

async fn a_stream_and_a_cursor_miss_nothing_across_a_crash(stack: Stack) -> ScenarioResult<()> {
    let installation = Installation::on(stack).await?.with_kills().with_profile("drill", &[("PER_SECOND", "50")]);
    let mut world = World::start(installation, People::Quiet).await?;
    world.add_senders(4, "drill").await?;
    let audience = Audience::ordinary(91, 400);
    let campaign = world.submit(&audience).await?;

    let mut streamed = Vec::new();
    read_stream(&world, &mut streamed, |seen| of_messages(seen, "message.sent") >= 100).await?;
    let mut listed = world.api.events_after("").await?;
    world.kill().await?;
    world.restart().await?;
    read_stream(&world, &mut streamed, |seen| of_messages(seen, "message.sent") >= 250).await?;
    world.stop().await?;
    world.restart().await?;
    world.ended(&campaign, campaign_with_kills(stack)).await?;
    read_stream(&world, &mut streamed, |seen| of_messages(seen, "campaign.completed") == 1).await?;

    let all = eventually("the log is complete", SOON, async || {
        let all = world.api.events_after("").await?;
        Ok((of_messages(&all, "message.sent") == 400).then_some(all))
    })
    .await?;
    let last = listed.last().and_then(|event| event["sequence"].as_str()).unwrap_or_default().to_owned();
    listed.extend(world.api.events_after(&last).await?);
    assert!(sequences(&all).is_sorted_by(|one, next| one < next), "each has a number of its own, in order");
    // A sender's session may change, and be told, between the two lists.
    let end = sequences(&all).last().copied().unwrap_or_default();
    let mut by_cursor = sequences(&listed);
    by_cursor.retain(|&sequence| sequence <= end);
    assert_eq!(by_cursor, sequences(&all), "by cursor: none skipped, none doubled");
    let last = sequences(&streamed).last().copied().unwrap_or_default();
    let known: Vec<_> = sequences(&all).into_iter().filter(|&sequence| sequence <= last).collect();
    assert_eq!(sequences(&streamed), known, "as a stream: none skipped, none doubled");
    assert_eq!(of_messages(&all, "campaign.completed"), 1);
    let mut told: Vec<_> = all
        .iter()
        .filter(|event| event["type"] == "message.sent")
        .map(|event| event["data"]["message_id"].clone())
        .collect();
    assert!(told.iter().all(Value::is_string), "{:?}", all.iter().find(|event| event["type"] == "message.sent"));
    told.sort_by_key(ToString::to_string);
    told.dedup();
    assert_eq!(told.len(), 400, "each message was told as sent once");
    world.finish().await
}

async fn who_waits_for_an_event_is_answered_when_it_comes(stack: Stack) -> ScenarioResult<()> {
    let mut world = World::start(Installation::on(stack).await?, People::Quiet).await?;
    world.add_senders(1, "unlimited").await?;
    world.senders_connected().await?;
    let last = eventually("the log has the connection", SOON, async || {
        let events = world.api.events_after("").await?;
        Ok(events.iter().rfind(|event| event["type"] == "sender.connected").map(|event| event["sequence"].clone()))
    })
    .await?;
    let path = format!("/v1/events?after={}&wait=20", last.as_str().unwrap_or_default());
    let message = json!({ "to": "+4915123456741", "text": "Hi" });
    let (waited, sent) = tokio::join!(world.api.get(&path), world.api.post("/v1/messages", &message));
    sent?.ok()?;
    let waited = waited?.ok()?;
    assert_eq!(waited["items"][0]["type"], "message.sent", "{waited}");
    world.finish().await
}
