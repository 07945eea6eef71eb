//! Results: from workers to the results role, in shards that keep each sender's order.

use async_trait::async_trait;
use paceline_domain::WorkerResult;

use crate::{Delivery, QueueResult};

/// How many result queues there are. A sender's results always go to the same one.
pub const RESULT_SHARDS: u16 = 4;

/// Results.
#[async_trait]
pub trait ResultQueue: Send + Sync {
    /// Publishes results, each to its sender's shard, and waits until they are all safe: a broker with a disk has stored
    /// them, or, where there is none, their consumer has acknowledged them. Only then may whoever reported them forget them. On
    /// an error any of them may or may not have arrived; publish them again: the inbox drops what comes twice.
    async fn publish_results(&self, results: Vec<WorkerResult>) -> QueueResult<()>;

    /// Begins to consume one shard. One consumer of a shard is active; a second one waits until the first has ended.
    async fn consume_results(&self, shard: u16) -> QueueResult<Box<dyn ResultConsumer>>;
}

/// A running consumer of one shard.
#[async_trait]
pub trait ResultConsumer: Send {
    /// The results at hand: waits for the first, then takes what has arrived, up to about `limit` results. `None` when the
    /// consumer has ended and must be made again. Cancel-safe.
    async fn next_batch(&mut self, limit: usize) -> Option<Vec<Delivery<Vec<WorkerResult>>>>;
}
