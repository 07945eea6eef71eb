//! SIGTERM: what is in hand is finished, the rest waits for the next start.

use paceline_e2e::{Audience, Installation, People, ScenarioResult, Stack, World, eventually};
use serde_json::{Value, json};

use crate::{
    bounds::{CAMPAIGN, COMMAND, SOON},
    stacks::on_both_stacks,
};

on_both_stacks![
    a_stop_finishes_what_is_in_hand_and_the_next_start_goes_on,
    a_stop_releases_the_leases_and_shows_it,
    a_second_signal_ends_at_once_and_loses_nothing,
];

async fn a_stop_finishes_what_is_in_hand_and_the_next_start_goes_on(stack: Stack) -> ScenarioResult<()> {
    let installation = Installation::on(stack).await?.with_profile("drill", &[("PER_SECOND", "40")]);
    let mut world = World::start(installation, People::Quiet).await?;
    world.add_senders(4, "drill").await?;
    let audience = Audience::ordinary(11, 400);
    let campaign = world.submit(&audience).await?;
    for sends in [40, 150, 260] {
        world.sent(sends, CAMPAIGN).await?;
        world.stop().await?;
        world.restart().await?;
        let account = world.progress(&campaign).await?["account"].clone();
        assert_eq!(account["balanced"], true, "{account}");
        assert_eq!(account["unknown"], 0, "{account}");
    }
    world.ended(&campaign, CAMPAIGN).await?;
    world.all_saw_it_once(&campaign, &audience).await?;
    let summary = world.network.summary().await?;
    assert_eq!(summary.repeats, 0, "an orderly end leaves nothing in doubt: {summary:?}");
    world.finish().await
}

async fn a_stop_releases_the_leases_and_shows_it(stack: Stack) -> ScenarioResult<()> {
    // Longer than anybody waits for a session here: nobody waited for it to run out.
    let installation = Installation::on(stack).await?.with("PACELINE_WORKER__LEASE_SECONDS", "120");
    let mut world = World::start(installation, People::Quiet).await?;
    world.add_senders(3, "unlimited").await?;
    let epochs = |senders: &[Value]| senders.iter().map(|sender| sender["lease"]["epoch"].as_u64()).collect::<Vec<_>>();
    let first = epochs(&world.senders_connected().await?);
    assert!(first.iter().all(Option::is_some), "{first:?}");
    world.stop().await?;
    world.restart().await?;
    // The last word about the old sessions may still be on its way to a server that has just started.
    eventually("every sender has a new holder", COMMAND, async || {
        let now = epochs(&world.senders_connected().await?);
        Ok(now.iter().zip(&first).all(|(now, first)| now > first).then_some(()))
    })
    .await?;
    world.finish().await
}

async fn a_second_signal_ends_at_once_and_loses_nothing(stack: Stack) -> ScenarioResult<()> {
    let mut world = World::start(Installation::on(stack).await?.with_kills(), People::Quiet).await?;
    world.add_senders(2, "unlimited").await?;
    world.senders_connected().await?;
    let slow = world.network.add_fault(&json!({ "kind": "slow_ack", "delay_ms": 60_000 })).await?;
    let audience = Audience::ordinary(12, 40);
    let campaign = world.submit(&audience).await?;
    world.sent(1, SOON).await?;
    let worker = world.worker()?;
    worker.signal("TERM").await?;
    eventually("the first signal was noticed", SOON, async || Ok(worker.log().contains("second signal").then_some(())))
        .await?;
    worker.signal("TERM").await?;
    assert_eq!(worker.wait(SOON).await?.code(), Some(130));

    world.network.remove_fault(slow).await?;
    world.restart().await?;
    world.ended(&campaign, CAMPAIGN).await?;
    world.all_saw_it_once(&campaign, &audience).await?;
    world.finish().await
}
