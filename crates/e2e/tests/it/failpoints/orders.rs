//! What is armed and cannot be done is said.

use paceline_e2e::{Installation, ScenarioResult};

use crate::bounds::COMMAND;

#[tokio::test]
async fn a_word_that_is_no_failpoint_is_refused_at_the_start_with_the_words_that_are() -> ScenarioResult<()> {
    let installation = Installation::new()?.with("PACELINE_FAILPOINT", "worker.intent_recorde");
    let ended = installation.run(&["up"], COMMAND).await?;
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(3), "the configuration is refused: {said}");
    assert!(said.contains("worker.intent_recorde\"") && said.contains("worker.intent_recorded,"), "{said}");
    Ok(())
}
