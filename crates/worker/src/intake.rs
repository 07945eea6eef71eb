//! A running consumer with the messages it has brought. Dropping it gives every unanswered job back to the queue.

use std::time::Duration;

use futures_util::FutureExt;
use paceline_domain::Job;
use paceline_failpoints::{self as failpoints, Failpoint};
use paceline_queue::{Delivery, JobConsumer};
use tokio::time::Instant;

use crate::backlog::Backlog;

/// Jobs in hand and jobs to come.
pub(crate) struct Intake {
    pub(crate) backlog: Backlog,
    consumer: Box<dyn JobConsumer>,
    /// How long after the last job a first look is taken.
    missed_after: Duration,
    /// When to look for claims whose jobs do not come, if none has come by then.
    search_at: Instant,
    /// The pause after that.
    search_pause: Duration,
}

/// The longest pause between two looks, of a sender that has nothing to do.
const LONGEST_SEARCH_PAUSE: Duration = Duration::from_mins(1);

/// The consumer has ended and must be made again; what is in hand comes again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConsumerEnded;

impl Intake {
    pub(crate) fn new(consumer: Box<dyn JobConsumer>, missed_after: Duration) -> Self {
        let search_at = Instant::now() + missed_after;
        Self { backlog: Backlog::default(), consumer, missed_after, search_at, search_pause: missed_after }
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

    /// When to look for claims whose jobs do not come: only while there is nothing in hand.
    pub(crate) fn search_at(&self) -> Option<Instant> {
        (self.backlog.len() == 0).then_some(self.search_at)
    }

    /// Notes that a look was taken.
    pub(crate) fn searched(&mut self, found: u64) {
        self.search_pause =
            if found > 0 { self.missed_after } else { self.search_pause.saturating_mul(2).min(LONGEST_SEARCH_PAUSE) };
        self.search_at = Instant::now() + self.search_pause;
    }

    async fn take(&mut self, delivery: Delivery<Job>) {
        failpoints::pass(Failpoint::WorkerJobReceived);
        self.search_pause = self.missed_after;
        self.search_at = Instant::now() + self.missed_after;
        if let Some(acker) = self.backlog.take(delivery, Instant::now())
            && let Err(error) = acker.ack().await
        {
            tracing::debug!(error = %error, "a job without messages could not be answered");
        }
    }
}
