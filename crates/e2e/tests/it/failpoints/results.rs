//! A server dies while it applies what workers report.

use paceline_e2e::{ScenarioResult, Stack};

use super::drill::Drill;
use crate::stacks::on_both_stacks;

on_both_stacks![
    killed_with_results_in_hand_it_applies_them_afterwards,
    killed_after_results_are_applied_it_drops_them_when_they_come_again,
];

const CROWD: usize = 24;

/// Row 18. Embedded, nothing of the queue outlives the process: the outcomes are found on their attempts.
async fn killed_with_results_in_hand_it_applies_them_afterwards(stack: Stack) -> ScenarioResult<()> {
    let mut drill = Drill::start(stack, "results.received").await?;
    drill.submit(58, CROWD).await?;
    drill.died().await?;
    drill.revive().await?;
    drill.let_claims_run_out().await?;
    let books = drill.books().await?;
    books.all_sent();
    if stack == Stack::Full {
        books.without_repeats();
    }
    drill.finish().await
}

/// Row 17.
async fn killed_after_results_are_applied_it_drops_them_when_they_come_again(stack: Stack) -> ScenarioResult<()> {
    let mut drill = Drill::start(stack, "results.applied").await?;
    drill.submit(59, CROWD).await?;
    drill.died().await?;
    drill.revive().await?;
    drill.let_claims_run_out().await?;
    let books = drill.books().await?;
    books.all_sent();
    if stack == Stack::Full {
        books.without_repeats();
        let metrics = drill.world.api.text("/metrics").await?;
        assert!(duplicates(&metrics) > 0, "the broker brought them again, and they were known:\n{metrics}");
    }
    drill.finish().await
}

/// How many results were seen before.
fn duplicates(metrics: &str) -> u64 {
    let line = metrics
        .lines()
        .find(|line| line.starts_with("paceline_result_effects_total") && line.contains("effect=\"duplicate\""));
    line.and_then(|line| line.rsplit(' ').next()).and_then(|count| count.parse().ok()).unwrap_or(0)
}
