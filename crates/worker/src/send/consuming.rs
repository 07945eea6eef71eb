//! The beginning of a consumer, tried until there is one.

use std::{sync::Arc, time::Duration};

use paceline_domain::SenderId;
use paceline_queue::{QueueError, QueueResult};
use tokio::time::Instant;

use crate::{
    backoff::Backoff,
    send::{attempts::Attempts, intake::Intake, link::Link, turn::Turn},
};

/// The longest pause between two tries: an operator who has cured what was in the way waits no longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How often the log says that a sender's jobs are refused still.
const SAY_AGAIN_AFTER: Duration = Duration::from_mins(1);

/// Begins a consumer of the sender's jobs, unless there is something else to do meanwhile.
pub(crate) async fn consume(attempts: &Attempts, link: &Link) -> Result<Intake, Turn> {
    let lease = &attempts.lease;
    let prefetch = u16::try_from(attempts.pace.profile().window().clamp(8, 1_024)).unwrap_or(1_024);
    let mut backoff = Backoff::of_sender(lease.id, lease.epoch, Duration::from_millis(100));
    let mut refusal = Refusal::default();
    loop {
        attempts.interruption(link)?;
        match begin(attempts, prefetch).await {
            Ok(intake) => {
                refusal.end(lease.id);
                return Ok(intake);
            }
            Err(error) => refusal.tell(lease.id, &error),
        }
        tokio::select! {
            biased;
            () = tokio::time::sleep(backoff.next_pause().min(LONGEST_PAUSE)) => {}
            () = lease.ended() => {}
        }
    }
}

async fn begin(attempts: &Attempts, prefetch: u16) -> QueueResult<Intake> {
    let (context, lease) = (&attempts.context, &attempts.lease);
    context.queue.declare_senders(&[lease.id]).await?;
    let consumer = context.queue.consume_jobs(lease.id, prefetch).await?;
    Ok(Intake::new(Arc::clone(context), lease.clone(), consumer))
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
