//! A result queue that tells which deliveries were acknowledged, and a store that refuses what it is told to.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{ResultId, WorkerResult};
use paceline_queue::{Acker, Delivery, QueueError, QueueResult, ResultConsumer, ResultQueue};
use paceline_store::{
    StoreError, StoreResult,
    results::{ApplySummary, OptOut, ResultStore, ResultToApply},
};
use tokio::sync::Notify;

use super::{Failures, lock};
use crate::builders::refused;

/// What the deliveries of a queue share.
#[derive(Default)]
struct Line {
    waiting: Mutex<VecDeque<(usize, Vec<WorkerResult>)>>,
    arrived: Notify,
    acked: Mutex<Vec<usize>>,
    ended: Mutex<bool>,
}

#[derive(Default)]
pub(crate) struct FakeResultQueue {
    line: Arc<Line>,
    pub(crate) consumers: Mutex<u32>,
    pub(crate) failures: Failures<QueueError>,
}

impl FakeResultQueue {
    /// Puts a delivery with this number into the queue.
    pub(crate) fn deliver(&self, number: usize, results: Vec<WorkerResult>) {
        lock(&self.line.waiting).push_back((number, results));
        self.line.arrived.notify_one();
    }

    /// Ends the present consumer.
    pub(crate) fn end_consumer(&self) {
        *lock(&self.line.ended) = true;
        self.line.arrived.notify_one();
    }

    /// The numbers of the acknowledged deliveries, in order.
    pub(crate) fn acked(&self) -> Vec<usize> {
        lock(&self.line.acked).clone()
    }

    /// How many deliveries nobody has taken.
    pub(crate) fn left(&self) -> usize {
        lock(&self.line.waiting).len()
    }
}

#[async_trait]
impl ResultQueue for FakeResultQueue {
    async fn publish_results(&self, _results: Vec<WorkerResult>) -> QueueResult<()> {
        Ok(())
    }

    async fn consume_results(&self, _shard: u16) -> QueueResult<Box<dyn ResultConsumer>> {
        self.failures.next()?;
        *lock(&self.consumers) += 1;
        *lock(&self.line.ended) = false;
        Ok(Box::new(FakeConsumer(Arc::clone(&self.line))))
    }
}

struct FakeConsumer(Arc<Line>);

#[async_trait]
impl ResultConsumer for FakeConsumer {
    async fn next_batch(&mut self, limit: usize) -> Option<Vec<Delivery<Vec<WorkerResult>>>> {
        loop {
            if *lock(&self.0.ended) {
                return None;
            }
            let mut batch = Vec::new();
            let mut results = 0;
            while results < limit
                && let Some((number, body)) = lock(&self.0.waiting).pop_front()
            {
                results += body.len();
                let acker = FakeAcker { number, line: Arc::clone(&self.0) };
                batch.push(Delivery::new(body, false, Box::new(acker)));
            }
            if !batch.is_empty() {
                return Some(batch);
            }
            self.0.arrived.notified().await;
        }
    }
}

struct FakeAcker {
    number: usize,
    line: Arc<Line>,
}

#[async_trait]
impl Acker for FakeAcker {
    async fn ack(self: Box<Self>) -> QueueResult<()> {
        lock(&self.line.acked).push(self.number);
        Ok(())
    }
    async fn give_back(self: Box<Self>) -> QueueResult<()> {
        Ok(())
    }
}

#[derive(Default)]
pub(crate) struct FakeResults {
    /// Every transaction that succeeded.
    pub(crate) applied: Mutex<Vec<Vec<ResultToApply>>>,
    /// Results that make a transaction fail.
    pub(crate) poison: Mutex<HashSet<ResultId>>,
    pub(crate) failures: Failures<StoreError>,
}

impl FakeResults {
    /// All applied results, in order.
    pub(crate) fn results(&self) -> Vec<WorkerResult> {
        lock(&self.applied).iter().flatten().map(|result| result.result.clone()).collect()
    }
}

#[async_trait]
impl ResultStore for FakeResults {
    async fn apply_results(&self, results: &[ResultToApply], _now: DateTime<Utc>) -> StoreResult<ApplySummary> {
        self.failures.next()?;
        if results.iter().any(|result| lock(&self.poison).contains(&result.result.id())) {
            return Err(refused());
        }
        lock(&self.applied).push(results.to_vec());
        let count = |count: usize| u64::try_from(count).expect("it fits");
        let opted_out = results.iter().filter(|result| result.opt_out == OptOut::Yes).count();
        Ok(ApplySummary { applied: count(results.len()), opted_out: count(opted_out), ..ApplySummary::default() })
    }
}
