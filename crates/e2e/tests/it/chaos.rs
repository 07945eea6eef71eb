//! Two minutes of chaos on each stack, as `scripts/chaos` does it, with a seed of their own. What they promise is in the oracle's
//! hands; here is only that enough went wrong to prove anything.

use std::time::Duration;

use paceline_e2e::{
    ScenarioError, ScenarioResult, Stack,
    chaos::{self, Options},
};

async fn two_minutes(stack: Stack, seed: u64) -> ScenarioResult<()> {
    let report = chaos::run(Options { stack, length: Duration::from_mins(2), seed, say }).await?;
    let markdown = report.to_markdown("as PACELINE_BIN names it");
    if !report.is_clean() {
        return Err(ScenarioError::new(markdown));
    }
    let figures = report.verdict.figures;
    assert!(report.kills() >= 5 && report.outages() >= 1, "{markdown}");
    assert!(figures.sent > 1_000 && figures.repeats > 0, "{markdown}");
    Ok(())
}

#[expect(clippy::print_stderr, reason = "shown when the test fails: what happened when")]
fn say(line: &str) {
    eprintln!("{line}");
}

#[tokio::test]
async fn embedded() -> ScenarioResult<()> {
    two_minutes(Stack::Embedded, 11).await
}

#[tokio::test]
async fn full() -> ScenarioResult<()> {
    two_minutes(Stack::Full, 11).await
}
