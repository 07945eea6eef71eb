//! A worker dies in the middle of a send on a network that shows repeats: what is in doubt is unknown, and never guessed.

use paceline_e2e::{ScenarioResult, Stack};
use serde_json::json;

use super::drill::Drill;
use crate::stacks::on_both_stacks;

on_both_stacks![
    where_repeats_are_shown_a_death_before_any_byte_leaves_unknowns_that_nobody_was_sent,
    where_repeats_are_shown_a_death_after_the_bytes_leaves_unknowns_and_sends_nothing_twice,
    where_repeats_are_shown_a_death_after_the_answer_leaves_unknowns_and_sends_nothing_twice,
];

const CROWD: usize = 24;

/// Row 10: that no byte left is known to nobody.
async fn where_repeats_are_shown_a_death_before_any_byte_leaves_unknowns_that_nobody_was_sent(
    stack: Stack,
) -> ScenarioResult<()> {
    let (drill, sent) = dies_in_doubt(stack, "worker.intent_recorded", 51).await?;
    assert_eq!(sent, 0, "it died before any byte");
    drill.finish().await
}

/// Row 11.
async fn where_repeats_are_shown_a_death_after_the_bytes_leaves_unknowns_and_sends_nothing_twice(
    stack: Stack,
) -> ScenarioResult<()> {
    let (drill, sent) = dies_in_doubt(stack, "worker.sent:5", 52).await?;
    assert!(sent >= 5, "the bytes of five had left, and {sent} of those arrived whose outcome is unknown");
    drill.finish().await
}

/// Row 12.
async fn where_repeats_are_shown_a_death_after_the_answer_leaves_unknowns_and_sends_nothing_twice(
    stack: Stack,
) -> ScenarioResult<()> {
    let (drill, sent) = dies_in_doubt(stack, "worker.answered", 53).await?;
    assert!(sent >= 1, "one was answered");
    drill.finish().await
}

/// Plays it to the end; answers with how many of the unknown messages were sent.
async fn dies_in_doubt(stack: Stack, order: &str, series: u32) -> ScenarioResult<(Drill, usize)> {
    let mut drill = Drill::start_with(Drill::installation(stack).await?, order).await?;
    drill.world.network.add_fault(&json!({ "kind": "repeats_delivered" })).await?;
    drill.world.network.add_fault(&json!({ "kind": "slow_ack", "delay_ms": 250 })).await?;
    drill.submit(series, CROWD).await?;
    drill.died().await?;
    drill.revive().await?;
    let books = drill.books().await?;
    books.without_repeats();
    let (sent, unknown) = (books.in_state("sent"), books.in_state("unknown"));
    assert_eq!(sent.len() + unknown.len(), CROWD);
    assert!(!unknown.is_empty(), "nothing was in doubt, so that nothing was proved");
    assert!(sent.iter().all(|message| books.sends_of(message).len() == 1));
    assert_eq!(books.events("message.unknown"), unknown.len(), "the customer is told of each");
    let arrived = unknown.iter().filter(|message| !books.sends_of(message).is_empty()).count();
    Ok((drill, arrived))
}
