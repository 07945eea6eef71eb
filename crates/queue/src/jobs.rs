//! Jobs: towards the worker that leases the sender.

use async_trait::async_trait;
use paceline_domain::{Job, SenderId};

use crate::{Delivery, QueueResult};

/// What became of one published job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publication {
    /// The broker has it, durably where it is durable.
    Confirmed,
    /// No queue is there to take it: nobody has declared the sender's queue, or it was deleted.
    Returned,
    /// The sender's queue is full.
    Rejected,
}

/// Jobs.
#[async_trait]
pub trait JobQueue: Send + Sync {
    /// Makes sure that the queues of these senders exist.
    async fn declare_senders(&self, senders: &[SenderId]) -> QueueResult<()>;

    /// Publishes jobs and waits until the broker has answered for each, in order. On an error any of them may or may not
    /// have arrived.
    async fn publish_jobs(&self, jobs: Vec<Job>) -> QueueResult<Vec<Publication>>;

    /// Begins to consume a sender's jobs, with at most `prefetch` jobs unanswered. One consumer of a sender is active; a second one waits
    /// until the first has ended.
    async fn consume_jobs(&self, sender: SenderId, prefetch: u16) -> QueueResult<Box<dyn JobConsumer>>;

    /// Removes the queue of a sender that is gone, with what is in it.
    async fn remove_sender(&self, sender: SenderId) -> QueueResult<()>;
}

/// A running consumer of one sender's jobs. Dropping it ends it, and gives back what it left unanswered.
#[async_trait]
pub trait JobConsumer: Send {
    /// The next job; `None` when the consumer has ended and must be made again. Cancel-safe.
    async fn next(&mut self) -> Option<Delivery<Job>>;
}
