//! Waiting for a condition with a deadline, instead of sleeping and hoping.

use std::time::Duration;

use crate::{ScenarioError, ScenarioResult};

/// Asks again every 50 ms until `look` gives a value, at most for `within`. `what` names what was waited for.
pub async fn eventually<T>(
    what: &str,
    within: Duration,
    mut look: impl AsyncFnMut() -> ScenarioResult<Option<T>>,
) -> ScenarioResult<T> {
    let deadline = tokio::time::Instant::now() + within;
    loop {
        let seen = look().await;
        if let Ok(Some(value)) = seen {
            return Ok(value);
        }
        if tokio::time::Instant::now() >= deadline {
            let last = seen.err().map(|error| format!("; last: {error}")).unwrap_or_default();
            return Err(ScenarioError::new(format!("not within {within:?}: {what}{last}")));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Looks every 50 ms for as long as `within`, and fails as soon as what is seen is not what was seen first.
///
/// # Errors
/// It changed, or `look` failed.
pub async fn unchanged<T: PartialEq + std::fmt::Debug>(
    what: &str,
    within: Duration,
    mut look: impl AsyncFnMut() -> ScenarioResult<T>,
) -> ScenarioResult<T> {
    let first = look().await?;
    let deadline = tokio::time::Instant::now() + within;
    while tokio::time::Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = look().await?;
        if now != first {
            return Err(ScenarioError::new(format!("{what} changed from {first:?} to {now:?}")));
        }
    }
    Ok(first)
}
