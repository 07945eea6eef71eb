//! The beginning of a consumer, tried until there is one.

use std::time::Duration;

use paceline_domain::SenderId;
use paceline_queue::{QueueError, QueueResult};
use tokio::time::Instant;

use crate::{
    actor::{Actor, Link, Turn},
    backoff::Backoff,
    intake::Intake,
};

/// The longest pause between two tries: an operator who has cured what was in the way waits no longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How often the log says that a sender's jobs are refused still.
const SAY_AGAIN_AFTER: Duration = Duration::from_mins(1);

impl Actor {
    pub(crate) async fn consume(&mut self, link: &Link) -> Result<Intake, Turn> {
        let prefetch = u16::try_from(self.profile.window().clamp(8, 1_024)).unwrap_or(1_024);
        let mut backoff = Backoff::of_sender(self.lease.id, self.lease.epoch, Duration::from_millis(100));
        let mut refusal = Refusal::default();
        loop {
            self.interruption(link)?;
            match self.begin_consumer(prefetch).await {
                Ok(intake) => {
                    refusal.end(self.lease.id);
                    return Ok(intake);
                }
                Err(error) => refusal.tell(self.lease.id, &error),
            }
            tokio::select! {
                biased;
                () = tokio::time::sleep(backoff.next_pause().min(LONGEST_PAUSE)) => {}
                () = self.lease.ended() => {}
            }
        }
    }

    async fn begin_consumer(&self, prefetch: u16) -> QueueResult<Intake> {
        let queue = &self.context.queue;
        queue.declare_senders(&[self.lease.id]).await?;
        let consumer = queue.consume_jobs(self.lease.id, prefetch).await?;
        Ok(Intake::new(consumer, self.context.options.missed_after))
    }
}

/// What the log has said about a broker that refuses a sender's jobs. That it is away is said once for all senders, by whoever
/// keeps the connection.
#[derive(Default)]
struct Refusal {
    said: Option<(String, Instant)>,
}

impl Refusal {
    fn tell(&mut self, sender: SenderId, error: &QueueError) {
        if matches!(error, QueueError::Unavailable { .. }) {
            tracing::debug!(sender.id = %sender, error = %error, "jobs cannot be consumed; trying on");
            return;
        }
        let what = error.to_string();
        let known = self.said.as_ref().is_some_and(|(said, at)| *said == what && at.elapsed() < SAY_AGAIN_AFTER);
        if !known {
            tracing::warn!(sender.id = %sender, error = %error, "jobs cannot be consumed; trying on");
            self.said = Some((what, Instant::now()));
        }
    }

    fn end(self, sender: SenderId) {
        if self.said.is_some() {
            tracing::info!(sender.id = %sender, "jobs are consumed again");
        }
    }
}
