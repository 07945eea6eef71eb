//! Results to the queue, published until it has confirmed them.

use std::time::Duration;

use paceline_domain::WorkerResult;
use paceline_queue::Queue;

use crate::backoff::Backoff;

/// Publishes results until the queue has confirmed them, with one line when it goes away and one when it is back.
pub(crate) async fn publish_until_confirmed(queue: &dyn Queue, results: Vec<WorkerResult>) {
    if results.is_empty() {
        return;
    }
    let mut backoff = Backoff::new(Duration::from_millis(100));
    let mut failed = 0_u32;
    while let Err(error) = queue.publish_results(results.clone()).await {
        if failed == 0 {
            tracing::warn!(error = %error, results.count = results.len(), "results cannot be published; trying on");
        }
        failed += 1;
        tokio::time::sleep(backoff.next_pause()).await;
    }
    if failed > 0 {
        tracing::info!(results.count = results.len(), "results are published again");
    }
}
