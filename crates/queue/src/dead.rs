//! Dead letters: what the broker took out of its queues because nobody could work on it.

use async_trait::async_trait;
use paceline_domain::{DeathReason, Job, WorkerResult};

use crate::{Delivery, QueueResult};

/// A dead letter as the broker hands it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Why it is dead.
    pub reason: DeathReason,
    /// What it holds.
    pub cargo: Cargo,
}

/// What a dead letter holds.
#[derive(Clone, PartialEq, Eq)]
pub enum Cargo {
    /// A job.
    Job(Job),
    /// Results that were published together.
    Results(Vec<WorkerResult>),
    /// What this release cannot read.
    Unreadable(Vec<u8>),
}

impl std::fmt::Debug for Cargo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Job(job) => f.debug_tuple("Job").field(job).finish(),
            Self::Results(results) => f.debug_tuple("Results").field(results).finish(),
            // It may hold a person's number.
            Self::Unreadable(bytes) => write!(f, "Unreadable({} bytes)", bytes.len()),
        }
    }
}

/// Dead letters. In a queue that neither limits deliveries nor carries foreign bytes nothing dies; it takes what is here.
#[async_trait]
pub trait DeadQueue: Send + Sync {
    /// Begins to consume the dead letters. Any number of consumers share them.
    async fn consume_dead(&self) -> QueueResult<Box<dyn DeadConsumer>> {
        Ok(Box::new(NothingDies))
    }
}

/// A running consumer of dead letters.
#[async_trait]
pub trait DeadConsumer: Send {
    /// The letters at hand: waits for the first, then takes what has arrived, up to `limit`. `None` when the consumer has ended
    /// and must be made again. Cancel-safe.
    async fn next_batch(&mut self, limit: usize) -> Option<Vec<Delivery<DeadLetter>>>;
}

struct NothingDies;

#[async_trait]
impl DeadConsumer for NothingDies {
    async fn next_batch(&mut self, _limit: usize) -> Option<Vec<Delivery<DeadLetter>>> {
        std::future::pending().await
    }
}
