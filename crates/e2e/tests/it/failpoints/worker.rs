//! A worker dies on the way from a job to its acknowledgement.

use paceline_e2e::{ScenarioResult, Stack};
use serde_json::json;

use super::drill::Drill;
use crate::stacks::on_both_stacks;

on_both_stacks![
    killed_with_a_job_in_hand_it_sends_nothing_twice,
    killed_after_an_intent_and_before_any_byte_it_sends_once,
    killed_after_the_bytes_have_left_it_sends_again_what_nobody_sees_twice,
    killed_after_the_answer_and_before_its_outcome_is_safe_it_sends_again_what_nobody_sees_twice,
    killed_after_an_outcome_is_recorded_it_tells_it_and_sends_nothing_again,
    killed_after_a_result_is_published_it_sends_nothing_again,
    killed_while_it_settles_what_the_last_one_left_the_next_one_settles_it,
];

/// Enough for several jobs of both senders.
const CROWD: usize = 24;

/// Answers come so late that a process that dies leaves several sends without one.
async fn slow_answers(drill: &Drill) -> ScenarioResult<()> {
    drill.world.network.add_fault(&json!({ "kind": "slow_ack", "delay_ms": 250 })).await.map(drop)
}

/// Row 9.
async fn killed_with_a_job_in_hand_it_sends_nothing_twice(stack: Stack) -> ScenarioResult<()> {
    let mut drill = Drill::start(stack, "worker.job_received").await?;
    drill.submit(41, CROWD).await?;
    drill.died().await?;
    assert_eq!(drill.world.network.summary().await?.physical_sends, 0, "it died with its first job");
    drill.revive().await?;
    drill.books().await?.all_sent().without_repeats();
    drill.finish().await
}

/// Row 10.
async fn killed_after_an_intent_and_before_any_byte_it_sends_once(stack: Stack) -> ScenarioResult<()> {
    let mut drill = Drill::start(stack, "worker.intent_recorded").await?;
    drill.submit(42, CROWD).await?;
    drill.died().await?;
    assert_eq!(drill.world.network.summary().await?.physical_sends, 0, "it died with its first intents");
    drill.revive().await?;
    drill.books().await?.all_sent().without_repeats();
    drill.finish().await
}

/// Row 11.
async fn killed_after_the_bytes_have_left_it_sends_again_what_nobody_sees_twice(stack: Stack) -> ScenarioResult<()> {
    let mut drill = Drill::start(stack, "worker.sent:5").await?;
    slow_answers(&drill).await?;
    drill.submit(43, CROWD).await?;
    drill.died().await?;
    drill.revive().await?;
    drill.books().await?.all_sent().with_repeats();
    drill.finish().await
}

/// Row 12.
async fn killed_after_the_answer_and_before_its_outcome_is_safe_it_sends_again_what_nobody_sees_twice(
    stack: Stack,
) -> ScenarioResult<()> {
    let mut drill = Drill::start(stack, "worker.answered").await?;
    drill.submit(44, CROWD).await?;
    drill.died().await?;
    drill.revive().await?;
    drill.books().await?.all_sent().with_repeats();
    drill.finish().await
}

/// Row 13.
async fn killed_after_an_outcome_is_recorded_it_tells_it_and_sends_nothing_again(stack: Stack) -> ScenarioResult<()> {
    certain(stack, "worker.outcome_recorded", 45).await
}

/// Row 14.
async fn killed_after_a_result_is_published_it_sends_nothing_again(stack: Stack) -> ScenarioResult<()> {
    certain(stack, "worker.result_published", 47).await
}

/// Where an outcome is safe nothing is sent again. With one message nothing else is on its way, so that a repeat would be this one's;
/// in the midst of many the failpoint is not the only thing that the death interrupts.
async fn certain(stack: Stack, failpoint: &str, series: u32) -> ScenarioResult<()> {
    let mut drill = Drill::start(stack, failpoint).await?;
    drill.submit(series, 1).await?;
    drill.died().await?;
    // The first pass may be that of what was left.
    drill.revive_armed(&format!("{failpoint}:2")).await?;
    drill.books().await?.all_sent().without_repeats();

    // Half of the answers come later than the others, so that the failpoint is passed at least twice.
    drill.world.network.add_fault(&json!({ "kind": "slow_ack", "delay_ms": 250, "probability": 0.5 })).await?;
    drill.submit(series + 1, CROWD).await?;
    drill.died().await?;
    drill.revive().await?;
    drill.books().await?.all_sent();
    drill.finish().await
}

/// Row 11, twice in a row.
async fn killed_while_it_settles_what_the_last_one_left_the_next_one_settles_it(stack: Stack) -> ScenarioResult<()> {
    let mut drill = Drill::start(stack, "worker.sent:5").await?;
    slow_answers(&drill).await?;
    drill.submit(49, CROWD).await?;
    drill.died().await?;
    drill.launch_armed("worker.adopted")?;
    drill.died().await?;
    drill.revive().await?;
    drill.books().await?.all_sent().with_repeats();
    drill.finish().await
}
