//! A server dies while it plans, releases or sweeps.

use paceline_e2e::{ScenarioResult, Stack};

use super::drill::Drill;
use crate::stacks::on_both_stacks;

on_both_stacks![
    killed_after_a_batch_is_planned_nobody_is_planned_twice,
    killed_between_claim_and_publication_the_messages_are_released_again,
    killed_after_publication_the_jobs_are_done_once,
    killed_after_the_sweeper_acted_it_acts_once,
];

const CROWD: usize = 24;

async fn killed_after_a_batch_is_planned_nobody_is_planned_twice(stack: Stack) -> ScenarioResult<()> {
    let mut drill = Drill::start(stack, "planner.recorded").await?;
    drill.submit(54, CROWD).await?;
    drill.died().await?;
    drill.revive().await?;
    drill.let_claims_run_out().await?;
    sent_and_on_the_full_stack_without_repeats(&drill).await?;
    drill.finish().await
}

/// The worker is another process there, and was not interrupted.
async fn sent_and_on_the_full_stack_without_repeats(drill: &Drill) -> ScenarioResult<()> {
    let books = drill.books().await?;
    books.all_sent();
    if drill.world.installation.stack() == Stack::Full {
        books.without_repeats();
    }
    Ok(())
}

/// Row 3.
async fn killed_between_claim_and_publication_the_messages_are_released_again(stack: Stack) -> ScenarioResult<()> {
    let mut drill = Drill::start(stack, "releaser.claimed").await?;
    drill.submit(55, CROWD).await?;
    drill.died().await?;
    assert_eq!(drill.world.network.summary().await?.physical_sends, 0, "no job was published");
    drill.revive().await?;
    drill.let_claims_run_out().await?;
    drill.books().await?.all_sent().without_repeats();
    drill.finish().await
}

/// Row 4. On the full stack the jobs are with the broker and are done without the server; were they not, the campaign would not end
/// before the claims do.
async fn killed_after_publication_the_jobs_are_done_once(stack: Stack) -> ScenarioResult<()> {
    let mut drill = Drill::start(stack, "releaser.published").await?;
    drill.submit(56, CROWD).await?;
    drill.died().await?;
    if stack == Stack::Full {
        drill.world.sent(1, crate::bounds::SOON).await?;
    }
    drill.revive().await?;
    sent_and_on_the_full_stack_without_repeats(&drill).await?;
    drill.finish().await
}

/// What the sweeper finds in a campaign is that it has ended: who hears of that hears of it once.
async fn killed_after_the_sweeper_acted_it_acts_once(stack: Stack) -> ScenarioResult<()> {
    let mut drill = Drill::start(stack, "sweeper.swept").await?;
    drill.submit(57, CROWD).await?;
    drill.died().await?;
    drill.revive().await?;
    drill.let_claims_run_out().await?;
    let books = drill.books().await?;
    books.all_sent();
    assert_eq!(books.events("campaign.completed"), 1);
    drill.finish().await
}
