//! A running consumer with the messages it has brought. Dropping it gives every unanswered job back to the queue.

use futures_util::FutureExt;
use paceline_domain::Job;
use paceline_queue::{Delivery, JobConsumer};
use tokio::time::Instant;

use crate::backlog::Backlog;

/// Jobs in hand and jobs to come.
pub(crate) struct Intake {
    pub(crate) backlog: Backlog,
    consumer: Box<dyn JobConsumer>,
}

/// The consumer has ended and must be made again; what is in hand comes again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConsumerEnded;

impl Intake {
    pub(crate) fn new(consumer: Box<dyn JobConsumer>) -> Self {
        Self { backlog: Backlog::default(), consumer }
    }

    /// Takes up the next job. Cancel-safe: between the arrival and the backlog nothing waits, but for a job without messages.
    pub(crate) async fn next(&mut self) -> Result<(), ConsumerEnded> {
        let delivery = self.consumer.next().await.ok_or(ConsumerEnded)?;
        self.take(delivery).await;
        Ok(())
    }

    /// Takes up all the jobs at hand.
    pub(crate) async fn pull(&mut self) -> Result<(), ConsumerEnded> {
        while let Some(next) = self.consumer.next().now_or_never() {
            self.take(next.ok_or(ConsumerEnded)?).await;
        }
        Ok(())
    }

    async fn take(&mut self, delivery: Delivery<Job>) {
        if let Some(acker) = self.backlog.take(delivery, Instant::now())
            && let Err(error) = acker.ack().await
        {
            tracing::debug!(error = %error, "a job without messages could not be answered");
        }
    }
}
