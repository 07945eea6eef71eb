//! A server dies while it tells a customer.

use paceline_e2e::{ScenarioResult, Stack};

use super::drill::Drill;
use crate::stacks::on_both_stacks;

on_both_stacks![
    killed_with_deliveries_claimed_it_delivers_them_when_the_claim_is_over,
    killed_after_the_customer_answered_it_delivers_again_under_the_same_id,
];

const CROWD: usize = 24;

/// Row 24, before the post.
async fn killed_with_deliveries_claimed_it_delivers_them_when_the_claim_is_over(stack: Stack) -> ScenarioResult<()> {
    let mut drill = Drill::start(stack, "webhooks.claimed:2").await?;
    drill.submit(63, CROWD).await?;
    drill.died().await?;
    drill.revive().await?;
    drill.let_claims_run_out().await?;
    drill.books().await?.all_sent();
    drill.finish().await
}

/// Row 24, after it: the id is what tells the customer that they know it.
async fn killed_after_the_customer_answered_it_delivers_again_under_the_same_id(stack: Stack) -> ScenarioResult<()> {
    let mut drill = Drill::start(stack, "webhooks.posted:4").await?;
    drill.submit(64, CROWD).await?;
    drill.died().await?;
    drill.revive().await?;
    drill.let_claims_run_out().await?;
    let books = drill.books().await?;
    books.all_sent();
    assert!(books.repeated_webhooks() > 0, "what the customer had answered was not recorded");
    drill.finish().await
}
