//! One result queue, whose publishers wait for room.

use std::sync::Arc;

use paceline_domain::WorkerResult;
use paceline_queue::{QueueError, QueueResult};
use tokio::sync::{Semaphore, oneshot};

use crate::{
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

    /// A consumer behind those that are there.
    pub(crate) fn consume(&self) -> LineConsumer<Vec<WorkerResult>> {
        self.line.consume(usize::MAX)
    }

    /// Queues results in order as room comes free; answers what tells when each part was acknowledged.
    pub(crate) async fn queue(&self, results: Vec<WorkerResult>) -> QueueResult<Vec<oneshot::Receiver<()>>> {
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

/// Whoever was to acknowledge is gone.
pub(crate) fn ended(error: impl std::error::Error + Send + Sync + 'static) -> QueueError {
    QueueError::Unavailable { reason: "the queue has ended".to_owned(), source: Some(Box::new(error)) }
}
