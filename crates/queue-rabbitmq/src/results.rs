//! Results: many in one message, on the shard of their sender, each shard on a lane of its own so that a sender's results keep
//! their order.

use async_trait::async_trait;
use futures_util::future;
use paceline_domain::WorkerResult;
use paceline_queue::{Delivery, Publication, QueueError, QueueResult, RESULT_SHARDS, ResultConsumer, ResultQueue};

use crate::{
    RabbitQueue,
    consumer::{Deliveries, NoConsumer},
    fault::Fault,
    freight::Parcel,
    names::result_key,
    wire::{self, Kind},
};

/// Messages of one shard in hand at most, each of some 32 KiB at most: what bounds the memory of the results role.
const PREFETCH: u16 = 256;

#[async_trait]
impl ResultQueue for RabbitQueue {
    async fn publish_results(&self, results: Vec<WorkerResult>) -> QueueResult<()> {
        let mut by_shard: Vec<Vec<WorkerResult>> = self.results.iter().map(|_| Vec::new()).collect();
        for result in results {
            by_shard[usize::from(result.shard(RESULT_SHARDS))].push(result);
        }
        let publishing = (0..).zip(by_shard).filter(|(_, results)| !results.is_empty());
        let shards = future::join_all(publishing.map(|(shard, results)| self.publish_shard(shard, results))).await;
        Ok(shards.into_iter().collect::<Result<(), Fault>>()?)
    }

    async fn consume_results(&self, shard: u16) -> QueueResult<Box<dyn ResultConsumer>> {
        if shard >= RESULT_SHARDS {
            return Err(QueueError::Refused {
                reason: format!("there is no result shard {shard}"),
                cure: format!("use shards 0 to {}", RESULT_SHARDS - 1),
            });
        }
        let deliveries = match self.begin_results(shard).await {
            Err(NoConsumer::Missing) => {
                self.links.declaring().session().await?.declare_shared().await?;
                self.begin_results(shard).await
            }
            begun => begun,
        };
        match deliveries {
            Ok(deliveries) => Ok(Box::new(ShardResults(deliveries))),
            Err(NoConsumer::Missing) => Err(Fault::away("the shard's queue is being deleted").into()),
            Err(NoConsumer::Fault(fault)) => Err(fault.into()),
        }
    }
}

impl RabbitQueue {
    async fn publish_shard(&self, shard: u16, results: Vec<WorkerResult>) -> Result<(), Fault> {
        let bodies: Vec<_> = results.iter().map(wire::write_result).collect();
        drop(results);
        let missing = self.publish_bodies(shard, bodies).await?;
        if missing.is_empty() {
            return Ok(());
        }
        // Somebody has deleted the queue.
        self.links.publishing().session().await?.declare_shared().await?;
        if self.publish_bodies(shard, missing).await?.is_empty() {
            return Ok(());
        }
        Err(Fault::away(format!("no queue takes the results of shard {shard}; it is declared anew with the next try")))
    }

    /// Publishes, and answers what no queue took.
    async fn publish_bodies(&self, shard: u16, bodies: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>, Fault> {
        let parcels = bodies.iter().map(|body| Parcel { key: result_key(shard), body: body.clone() });
        let answers = self.results[usize::from(shard)].publish(parcels.collect()).await?;
        if answers.contains(&Publication::Rejected) {
            return Err(Fault::away(format!(
                "the queue of result shard {shard} is full: the results role is behind or not running"
            )));
        }
        let returned = bodies.into_iter().zip(answers).filter(|(_, answer)| *answer == Publication::Returned);
        Ok(returned.map(|(body, _)| body).collect())
    }

    async fn begin_results(&self, shard: u16) -> Result<Deliveries, NoConsumer> {
        let seat = self.links.consuming();
        let session = seat.0.session().await?;
        let queue = self.context.names().results_of(shard);
        Deliveries::begin(&self.context, &session, seat, queue, PREFETCH).await
    }
}

struct ShardResults(Deliveries);

#[async_trait]
impl ResultConsumer for ShardResults {
    async fn next_batch(&mut self, limit: usize) -> Option<Vec<Delivery<Vec<WorkerResult>>>> {
        let first = self.0.next(wire::read_results, Kind::Results.as_str()).await?;
        let mut results = first.body().len();
        let mut batch = vec![first];
        while results < limit
            && let Some(more) = self.0.next_at_hand(wire::read_results, Kind::Results.as_str())
        {
            results += more.body().len();
            batch.push(more);
        }
        Some(batch)
    }
}
