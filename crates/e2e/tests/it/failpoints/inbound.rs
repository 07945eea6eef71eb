//! A worker dies with an incoming message in hand: the network repeats it, and the customer hears of it once.

use paceline_e2e::{ScenarioResult, Stack};

use super::drill::Drill;
use crate::stacks::on_both_stacks;

on_both_stacks![
    killed_before_an_incoming_message_is_reported_it_is_not_lost,
    killed_after_an_incoming_message_is_reported_it_is_not_told_twice,
];

/// Row 13, for what comes in.
async fn killed_before_an_incoming_message_is_reported_it_is_not_lost(stack: Stack) -> ScenarioResult<()> {
    an_answer_comes(stack, "worker.event_received", 61).await
}

/// Row 14, for what comes in.
async fn killed_after_an_incoming_message_is_reported_it_is_not_told_twice(stack: Stack) -> ScenarioResult<()> {
    an_answer_comes(stack, "worker.event_reported", 62).await
}

/// One of those who were written to answers the sender who wrote; the worker dies on it.
async fn an_answer_comes(stack: Stack, failpoint: &str, series: u32) -> ScenarioResult<()> {
    let mut drill = Drill::start(stack, failpoint).await?;
    drill.submit(series, 4).await?;
    drill.books().await?.all_sent().without_repeats();
    let journal = drill.world.network.journal().await?;
    let line = journal.first().expect("four were written to");
    drill.world.network.write_as(&line.recipient, &line.sender, "Is that zebra-crossing near you?").await?;
    drill.died().await?;
    drill.revive().await?;

    let answered = paceline_e2e::eventually("the answer is told", crate::bounds::CAMPAIGN, async || {
        let books = drill.books().await?;
        Ok((books.events("message.received") > 0).then_some(books))
    });
    answered.await?.all_sent().without_repeats();
    // Long enough for a second one to be told, had it been taken for another.
    paceline_e2e::unchanged("how often the answer was told", crate::bounds::WATCH, async || {
        Ok(drill.books().await?.events("message.received"))
    })
    .await
    .map(|told| assert_eq!(told, 1))?;
    let messages = drill.world.api.list("/v1/messages").await?;
    let replied = messages.iter().filter(|message| message["replied_at"].is_string()).count();
    assert_eq!(replied, 1, "it answers one message");
    drill.finish().await
}
