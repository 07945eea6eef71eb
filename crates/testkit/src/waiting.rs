//! Waiting for a condition.

use std::{future::Future, time::Duration};

use tokio::time::{sleep, timeout};

/// How long to wait between two looks at a condition.
const BETWEEN: Duration = Duration::from_millis(5);

/// Waits until `condition` holds, looking again and again.
///
/// # Panics
/// When it does not hold `within` real time.
pub async fn eventually<F: Future<Output = bool>>(within: Duration, mut condition: impl FnMut() -> F) {
    let wait = async {
        while !condition().await {
            sleep(BETWEEN).await;
        }
    };
    assert!(timeout(within, wait).await.is_ok(), "the condition did not hold within {within:?}");
}
