//! Results: shards whose publishers wait until their results are acknowledged. There is no disk here, so only what the
//! results role has applied is safe; and a slow results role slows the workers instead of filling memory.

use async_trait::async_trait;
use paceline_domain::WorkerResult;
use paceline_queue::{Delivery, QueueError, QueueResult, RESULT_SHARDS, ResultConsumer, ResultQueue};

use crate::{EmbeddedQueue, line::LineConsumer, shard::ended};

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
        Ok(Box::new(ShardResults(found.consume())))
    }
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
