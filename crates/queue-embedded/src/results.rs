//! Results: shards whose publishers wait until their results are acknowledged. There is no disk here, so only what the
//! results role has applied is safe; and a slow results role slows the workers instead of filling memory.

use std::sync::Arc;

use async_trait::async_trait;
use paceline_domain::WorkerResult;
use paceline_queue::{Delivery, QueueError, QueueResult, RESULT_SHARDS, ResultConsumer, ResultQueue};
use tokio::sync::{Semaphore, oneshot};

use crate::{
    EmbeddedQueue,
    depth::Depth,
    line::{Hold, Line, LineConsumer},
};

/// How many results one delivery carries at most, so that a batch of a consumer stays near its limit.
const RESULTS_PER_DELIVERY: usize = 256;

/// One result queue.
pub(crate) struct Shard {
    line: Arc<Line<Vec<WorkerResult>>>,
    // One permit for each result; first come, first served.
    room: Arc<Semaphore>,
    limit: usize,
}

impl Shard {
    pub(crate) fn new(limit: usize, depth: Depth) -> Self {
        let limit = limit.clamp(1, Semaphore::MAX_PERMITS);
        Self { line: Line::new(depth), room: Arc::new(Semaphore::new(limit)), limit }
    }

    /// Queues results in order as room comes free; answers what tells when each part was acknowledged.
    async fn queue(&self, results: Vec<WorkerResult>) -> QueueResult<Vec<oneshot::Receiver<()>>> {
        let size = RESULTS_PER_DELIVERY.min(self.limit);
        let mut pending = Vec::new();
        let mut rest = results;
        while !rest.is_empty() {
            let later = rest.split_off(rest.len().min(size));
            let permits = u32::try_from(rest.len()).unwrap_or(u32::MAX);
            let room = Arc::clone(&self.room).acquire_many_owned(permits).await.map_err(ended)?;
            let (acknowledged, receipt) = oneshot::channel();
            self.line.push(rest, Hold { room, acknowledged });
            pending.push(receipt);
            rest = later;
        }
        Ok(pending)
    }
}

#[async_trait]
impl ResultQueue for EmbeddedQueue {
    async fn publish_results(&self, results: Vec<WorkerResult>) -> QueueResult<()> {
        let mut by_shard: Vec<Vec<WorkerResult>> = self.shards.iter().map(|_| Vec::new()).collect();
        for result in results {
            by_shard[usize::from(result.shard(RESULT_SHARDS))].push(result);
        }
        let mut pending = Vec::new();
        for (shard, results) in self.shards.iter().zip(by_shard) {
            pending.extend(shard.queue(results).await?);
        }
        for receipt in pending {
            receipt.await.map_err(ended)?;
        }
        Ok(())
    }

    async fn consume_results(&self, shard: u16) -> QueueResult<Box<dyn ResultConsumer>> {
        let found = self.shards.get(usize::from(shard)).ok_or_else(|| QueueError::Refused {
            reason: format!("there is no result shard {shard}"),
            cure: format!("use shards 0 to {}", RESULT_SHARDS - 1),
        })?;
        Ok(Box::new(ShardResults(found.line.consume(usize::MAX))))
    }
}

fn ended(error: impl std::error::Error + Send + Sync + 'static) -> QueueError {
    QueueError::Unavailable { reason: "the queue has ended".to_owned(), source: Some(Box::new(error)) }
}

struct ShardResults(LineConsumer<Vec<WorkerResult>>);

#[async_trait]
impl ResultConsumer for ShardResults {
    async fn next_batch(&mut self, limit: usize) -> Option<Vec<Delivery<Vec<WorkerResult>>>> {
        let first = self.0.next().await?;
        let mut results = first.body().len();
        let mut batch = vec![first];
        while results < limit
            && let Some(more) = self.0.next_at_hand()
        {
            results += more.body().len();
            batch.push(more);
        }
        Some(batch)
    }
}
