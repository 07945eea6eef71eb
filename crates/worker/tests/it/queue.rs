//! The embedded queue, with results that can be cut off.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use async_trait::async_trait;
use paceline_domain::{Job, SenderId, WorkerResult};
use paceline_queue::{
    DeadQueue, JobConsumer, JobQueue, Publication, QueueError, QueueResult, ResultConsumer, ResultQueue,
};
use paceline_queue_embedded::{EmbeddedOptions, EmbeddedQueue};
use paceline_telemetry::Metrics;

/// The embedded queue, with results that can be cut off.
pub(crate) struct TestQueue {
    inner: EmbeddedQueue,
    results_down: AtomicBool,
    job_consumers: AtomicUsize,
}

impl TestQueue {
    pub(crate) fn new(metrics: &Arc<Metrics>) -> Self {
        let options = EmbeddedOptions { jobs_per_sender: 10_000, metrics: Arc::clone(metrics), ..Default::default() };
        Self {
            inner: EmbeddedQueue::new(options),
            results_down: AtomicBool::new(false),
            job_consumers: AtomicUsize::new(0),
        }
    }

    /// How many consumers of jobs there have been.
    pub(crate) fn job_consumers(&self) -> usize {
        self.job_consumers.load(Ordering::SeqCst)
    }

    pub(crate) fn cut_results(&self) {
        self.results_down.store(true, Ordering::SeqCst);
    }

    pub(crate) fn mend_results(&self) {
        self.results_down.store(false, Ordering::SeqCst);
    }
}

#[async_trait]
impl JobQueue for TestQueue {
    async fn declare_senders(&self, senders: &[SenderId]) -> QueueResult<()> {
        self.inner.declare_senders(senders).await
    }

    async fn publish_jobs(&self, jobs: Vec<Job>) -> QueueResult<Vec<Publication>> {
        self.inner.publish_jobs(jobs).await
    }

    async fn consume_jobs(&self, sender: SenderId, prefetch: u16) -> QueueResult<Box<dyn JobConsumer>> {
        self.job_consumers.fetch_add(1, Ordering::SeqCst);
        self.inner.consume_jobs(sender, prefetch).await
    }

    async fn remove_sender(&self, sender: SenderId) -> QueueResult<()> {
        self.inner.remove_sender(sender).await
    }
}

impl DeadQueue for TestQueue {}

#[async_trait]
impl ResultQueue for TestQueue {
    async fn publish_results(&self, results: Vec<WorkerResult>) -> QueueResult<()> {
        if self.results_down.load(Ordering::SeqCst) {
            return Err(QueueError::Unavailable { reason: "cut off by the test".to_owned(), source: None });
        }
        self.inner.publish_results(results).await
    }

    async fn consume_results(&self, shard: u16) -> QueueResult<Box<dyn ResultConsumer>> {
        self.inner.consume_results(shard).await
    }
}
