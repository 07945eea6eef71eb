//! Row 15: a worker stands still with a message in hand, is taken for dead, and wakes up: two who believe to be the sender's worker.

use paceline_e2e::{Process, ScenarioResult, Stack, unchanged};
use serde_json::json;
use tokio::process::Command;

use super::drill::Drill;
use crate::{
    bounds::{CAMPAIGN, WATCH},
    stacks::on_both_stacks,
};

on_both_stacks![
    frozen_between_an_intent_and_its_bytes_it_sends_nothing_when_it_wakes_up_too_late,
    frozen_after_the_bytes_have_left_nobody_sees_a_message_twice,
];

const CROWD: usize = 24;

async fn frozen_between_an_intent_and_its_bytes_it_sends_nothing_when_it_wakes_up_too_late(
    stack: Stack,
) -> ScenarioResult<()> {
    let drill = freezes(stack, "freeze:worker.intent_recorded", 67).await?;
    drill.books().await?.all_sent().without_repeats();
    drill.finish().await
}

async fn frozen_after_the_bytes_have_left_nobody_sees_a_message_twice(stack: Stack) -> ScenarioResult<()> {
    let drill = freezes(stack, "freeze:worker.sent:5", 68).await?;
    let books = drill.books().await?;
    books.all_sent();
    if stack == Stack::Full {
        books.with_repeats();
    }
    drill.finish().await
}

/// Freezes the worker, lets another one do its work where there can be one, and wakes it up when its leases are over.
async fn freezes(stack: Stack, order: &str, series: u32) -> ScenarioResult<Drill> {
    // Embedded, leases are as short as elsewhere only where that is asked for.
    let installation = Drill::installation(stack)
        .await?
        .with("PACELINE_WORKER__LEASE_SECONDS", "5")
        .with("PACELINE_WORKER__RENEW_SECONDS", "1")
        .with("PACELINE_WORKER__SEND_TIMEOUT_SECONDS", "3");
    let mut drill = Drill::start_with(installation, order).await?;
    drill.world.network.add_fault(&json!({ "kind": "slow_ack", "delay_ms": 250 })).await?;
    drill.submit(series, CROWD).await?;
    let frozen = drill.froze().await?;
    drill.disarm();
    match stack {
        // Nobody else may work for a folder; its leases run out all the same.
        Stack::Embedded => tokio::time::sleep(std::time::Duration::from_secs(6)).await,
        Stack::Full => {
            let heir = heir(&drill).await?;
            drill.books().await?.all_sent();
            wake(frozen).await?;
            nothing_more_is_sent(&drill).await?;
            heir.stop(CAMPAIGN).await?;
            return Ok(drill);
        }
    }
    wake(frozen).await?;
    drill.books().await?;
    nothing_more_is_sent(&drill).await?;
    Ok(drill)
}

/// Another worker beside the frozen one.
async fn heir(drill: &Drill) -> ScenarioResult<Process> {
    let mut heir = drill.world.installation.start_logging_to(&["worker", "--slots", "1000"], "heir.log")?;
    heir.event("ready", CAMPAIGN).await?;
    Ok(heir)
}

async fn wake(process: u32) -> ScenarioResult<()> {
    let woken = Command::new("sh").args(["-c", &format!("kill -CONT {process}")]).status().await?;
    assert!(woken.success(), "the frozen process is gone");
    Ok(())
}

async fn nothing_more_is_sent(drill: &Drill) -> ScenarioResult<()> {
    unchanged("what was sent", WATCH, async || drill.world.network.summary().await).await.map(drop)
}
