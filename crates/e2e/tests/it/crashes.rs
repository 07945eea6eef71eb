//! kill -9 at the worst moments: nobody is written to twice, nobody is forgotten.

use std::time::Duration;

use paceline_e2e::{Audience, Installation, People, ScenarioResult, Stack, World, eventually};
use serde_json::json;
use tokio::{io::AsyncWriteExt as _, time::Instant};

use crate::{
    bounds::{CAMPAIGN, SOON, campaign_with_kills},
    stacks::on_both_stacks,
};

on_both_stacks![
    a_campaign_survives_being_killed_again_and_again,
    a_paced_campaign_survives_being_killed,
    a_process_that_is_killed_while_it_starts_hurts_nothing,
    lost_acknowledgements_and_a_crash_make_repeats_that_nobody_sees,
    where_repeats_are_shown_an_open_outcome_is_unknown_and_never_guessed,
    an_upload_that_a_crash_cut_off_leaves_nothing_and_can_be_sent_again,
    the_network_may_break_the_connection_at_any_time,
];

/// A sender of this profile sends in batches, at a rate that makes the campaign last for some seconds.
async fn drill(stack: Stack) -> ScenarioResult<Installation> {
    Ok(Installation::on(stack)
        .await?
        .with_profile("drill", &[("PER_SECOND", "40")])
        .with("PACELINE_LOG__FILTER", "debug"))
}

async fn a_campaign_survives_being_killed_again_and_again(stack: Stack) -> ScenarioResult<()> {
    let mut world = World::start(drill(stack).await?.with_kills(), People::Quiet).await?;
    world.add_senders(4, "drill").await?;
    // So late that each kill finds sends without an answer.
    world.network.add_fault(&json!({ "kind": "slow_ack", "delay_ms": 150 })).await?;
    let audience = Audience::ordinary(1, 500);
    let campaign = world.submit(&audience).await?;
    // At once after the start was answered, then with more and more of it done.
    for sends in [0, 1, 60, 150, 300, 420] {
        world.sent(sends, campaign_with_kills(stack)).await?;
        world.kill().await?;
        world.restart().await?;
    }
    world.ended(&campaign, campaign_with_kills(stack)).await?;

    world.all_saw_it_once(&campaign, &audience).await?;
    let summary = world.network.summary().await?;
    assert_eq!((summary.duplicates, summary.distinct_messages, summary.messages_seen), (0, 500, 500), "{summary:?}");
    assert_eq!(summary.physical_sends, 500 + summary.repeats, "every repeat is counted: {summary:?}");
    assert!(summary.repeats > 0, "no kill found a send in the middle: {summary:?}");
    assert_eq!(summary.repeats, summary.repeats_dropped, "{summary:?}");
    let story: Vec<_> = world.api.list(&format!("/v1/campaigns/{campaign}/messages")).await?;
    assert_eq!(story.len(), 500, "no row is lost");
    assert!(story.iter().all(|message| message["attempt_count"] == 1), "a crash makes no second attempt");
    world.finish().await
}

async fn a_paced_campaign_survives_being_killed(stack: Stack) -> ScenarioResult<()> {
    let gap = [
        ("PER_SECOND", "50"),
        ("GAP__MEDIAN_SECONDS", "0.06"),
        ("GAP__SIGMA", "0.4"),
        ("GAP__MIN_SECONDS", "0.02"),
        ("GAP__MAX_SECONDS", "0.2"),
        ("TYPING__CHARS_PER_SECOND", "2000"),
        ("TYPING__MIN_SECONDS", "0.01"),
        ("TYPING__MAX_SECONDS", "0.03"),
    ];
    let installation = Installation::on(stack).await?.with_kills().with_profile("steady", &gap);
    let mut world = World::start(installation, People::Quiet).await?;
    world.add_senders(4, "steady").await?;
    let audience = Audience::ordinary(2, 160);
    let campaign = world.submit(&audience).await?;
    for sends in [10, 60, 110] {
        world.sent(sends, campaign_with_kills(stack)).await?;
        world.kill().await?;
        world.restart().await?;
    }
    world.ended(&campaign, campaign_with_kills(stack)).await?;
    world.all_saw_it_once(&campaign, &audience).await?;
    world.finish().await
}

async fn a_process_that_is_killed_while_it_starts_hurts_nothing(stack: Stack) -> ScenarioResult<()> {
    let mut world = World::start(drill(stack).await?.with_kills(), People::Quiet).await?;
    world.add_senders(2, "drill").await?;
    let audience = Audience::ordinary(3, 120);
    let campaign = world.submit(&audience).await?;
    world.sent(30, campaign_with_kills(stack)).await?;
    world.kill().await?;
    for _ in 0..5 {
        world.launch()?;
        world.kill().await?;
        world.restart().await?;
        world.kill().await?;
    }
    world.restart().await?;
    world.ended(&campaign, campaign_with_kills(stack)).await?;
    world.all_saw_it_once(&campaign, &audience).await?;
    world.finish().await
}

#[tokio::test]
async fn leases_of_a_killed_process_are_taken_over_at_once() -> ScenarioResult<()> {
    let mut world = World::start(drill(Stack::Embedded).await?, People::Quiet).await?;
    world.add_senders(2, "drill").await?;
    let audience = Audience::ordinary(4, 200);
    let campaign = world.submit(&audience).await?;
    let before = world.sent(40, CAMPAIGN).await?;
    world.kill().await?;
    let killed = Instant::now();
    world.restart().await?;
    world.sent(before + 20, SOON).await?;
    // A lease lasts 30 s: nobody waited for it to run out.
    assert!(killed.elapsed() < SOON, "the first sends came {:?} after the kill", killed.elapsed());
    world.ended(&campaign, CAMPAIGN).await?;
    world.all_saw_it_once(&campaign, &audience).await?;
    world.finish().await
}

#[tokio::test]
async fn a_killed_process_keeps_no_share_of_the_senders() -> ScenarioResult<()> {
    let mut world = World::start(drill(Stack::Embedded).await?, People::Quiet).await?;
    world.add_senders(4, "drill").await?;
    world.senders_connected().await?;
    world.kill().await?;
    world.restart().await?;
    let pid = world.server()?.id();
    // Of those that are shown, nobody but the new process counts; silent ones are let go of much later.
    eventually("the new process has every sender", SOON, async || {
        let fleet = world.api.get("/v1/fleet").await?.ok()?;
        let pids: Vec<_> = fleet["workers"].as_array().into_iter().flatten().map(|worker| &worker["pid"]).collect();
        assert!(
            pids.iter().all(|shown| shown.as_u64() == pid.map(u64::from)),
            "a killed process is registered: {fleet}"
        );
        Ok((!pids.is_empty() && fleet["unleased_count"] == 0).then_some(()))
    })
    .await?;
    world.finish().await
}

async fn lost_acknowledgements_and_a_crash_make_repeats_that_nobody_sees(stack: Stack) -> ScenarioResult<()> {
    let installation = drill(stack).await?.with_kills().with("PACELINE_WORKER__SEND_TIMEOUT_SECONDS", "1");
    let mut world = World::start(installation, People::Quiet).await?;
    world.add_senders(4, "drill").await?;
    let fault = world.network.add_fault(&json!({ "kind": "lose_ack", "probability": 0.1, "count": 25 })).await?;
    let audience = Audience::ordinary(5, 300);
    let campaign = world.submit(&audience).await?;
    for sends in [50, 150] {
        world.sent(sends, campaign_with_kills(stack)).await?;
        world.kill().await?;
        world.restart().await?;
    }
    world.ended(&campaign, campaign_with_kills(stack)).await?;

    let lost = world.network.strikes(fault).await?;
    assert!(lost > 0, "the fault never struck");
    world.all_saw_it_once(&campaign, &audience).await?;
    let summary = world.network.summary().await?;
    assert_eq!(summary.duplicates, 0, "{summary:?}");
    assert!(summary.repeats >= lost, "{lost} acknowledgements were lost: {summary:?}");
    assert_eq!(summary.repeats, summary.repeats_dropped, "{summary:?}");
    world.finish().await
}

async fn where_repeats_are_shown_an_open_outcome_is_unknown_and_never_guessed(stack: Stack) -> ScenarioResult<()> {
    let installation = drill(stack).await?.with_kills().with("PACELINE_WORKER__SEND_TIMEOUT_SECONDS", "1");
    let mut world = World::start(installation, People::Quiet).await?;
    world.network.add_fault(&json!({ "kind": "repeats_delivered" })).await?;
    world.add_senders(3, "drill").await?;
    let lost = world.network.add_fault(&json!({ "kind": "lose_ack", "probability": 0.1, "count": 6 })).await?;
    let audience = Audience::ordinary(6, 150);
    let campaign = world.submit(&audience).await?;
    world.sent(60, campaign_with_kills(stack)).await?;
    world.kill().await?;
    world.restart().await?;
    let progress = world.ended(&campaign, campaign_with_kills(stack)).await?;

    let summary = world.network.summary().await?;
    assert_eq!((summary.duplicates, summary.repeats), (0, 0), "nothing was sent twice: {summary:?}");
    let account = &progress["account"];
    let count = |bucket: &str| account[bucket].as_u64().unwrap_or(0);
    assert_eq!(count("sent") + count("unknown"), 150, "{account}");
    assert!(count("unknown") >= world.network.strikes(lost).await?, "{account}");
    assert_eq!(account["balanced"], true);
    assert!(world.network.sightings().await?.values().all(|&seen| seen == 1));
    world.finish().await
}

async fn an_upload_that_a_crash_cut_off_leaves_nothing_and_can_be_sent_again(stack: Stack) -> ScenarioResult<()> {
    let mut world = World::start(drill(stack).await?.with_kills(), People::Quiet).await?;
    world.add_senders(2, "drill").await?;
    let campaign = world.api.post("/v1/campaigns", &json!({ "template": "Hi {{ name }}" })).await?.ok()?;
    let path = format!("/v1/campaigns/{}/recipients", campaign["id"].as_str().unwrap_or_default());
    let audience = Audience::ordinary(7, 5_000);

    // The head of the file is on its way; its tail never comes.
    let head = audience.csv();
    let mut kept = 0;
    let (upload, _tail) = eventually("an upload is open", SOON, async || {
        let (mut tail, body) = tokio::io::duplex(1 << 20);
        tail.write_all(head.as_bytes()).await?;
        let (api, to) = (world.api.clone(), path.clone());
        let upload = tokio::spawn(async move { api.upload_stream(&to, "text/csv", body).await });
        // A look that comes before it is kept, and turns it away.
        for _ in 0..20 {
            world.api.get("/v1/pools").await?.ok()?;
        }
        let looked = world.api.upload(&path, "text/csv", "phone,name\nnonsense,Nobody\n").await?;
        if looked.slug() == "upload-in-progress" {
            return Ok(Some((upload, tail)));
        }
        kept += u64::from(looked.status == 200);
        upload.abort();
        Ok(None)
    })
    .await?;
    world.kill().await?;
    assert!(upload.await.expect("the upload ends").is_err(), "the server died in the middle of it");

    world.restart().await?;
    let id = campaign["id"].as_str().unwrap_or_default();
    let after = world.api.get(&format!("/v1/campaigns/{id}")).await?.ok()?;
    assert_eq!(after["rows"], kept, "an upload is kept whole or not at all");
    // Embedded, the folder's lock proves that nobody else is uploading; among servers the upload's minute has to pass.
    let within = match stack {
        Stack::Embedded => Duration::ZERO,
        Stack::Full => Duration::from_mins(1) + SOON,
    };
    let again = eventually("nobody else is uploading", within, async || {
        let again = world.api.upload(&path, "text/csv", audience.csv()).await?;
        Ok((again.slug() != "upload-in-progress").then_some(again))
    })
    .await?;
    assert_eq!(again.ok()?["accepted"], 5_000);
    world.finish().await
}

async fn the_network_may_break_the_connection_at_any_time(stack: Stack) -> ScenarioResult<()> {
    let mut world = World::start(drill(stack).await?, People::Quiet).await?;
    world.add_senders(4, "drill").await?;
    world.network.add_fault(&json!({ "kind": "disconnect", "probability": 0.04, "count": 8 })).await?;
    let audience = Audience::ordinary(8, 300);
    let campaign = world.submit(&audience).await?;
    world.ended(&campaign, CAMPAIGN + Duration::from_secs(10)).await?;
    world.all_saw_it_once(&campaign, &audience).await?;
    world.finish().await
}
