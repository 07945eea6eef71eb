//! Dead letters: what nobody could work on goes from the broker, or from a role that gives up, into a table that an operator looks
//! through. The broker is told only after the commit.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use paceline_domain::{Clock, DeadLetterId, DeathReason, WorkerResult};
use paceline_queue::{Acker, Cargo, DeadConsumer, DeadLetter, DeadQueue, Delivery};
use paceline_store::{
    StoreResult,
    dead_letters::{DeadBody, DeadLetterSink, NewDeadLetter},
};
use tokio_util::sync::CancellationToken;

use crate::{
    Meters, Role, StepError,
    results::to_apply,
    silence::{CONSUMER_PAUSE, Silence},
};

/// Letters that one transaction keeps.
const BATCH: usize = 32;
/// How long, in campaign time, the messages of a dead job are put off: it may have broken its worker twenty times.
const PUT_OFF: TimeDelta = TimeDelta::minutes(1);

/// Keeps what nobody could work on.
pub struct DeadLetterRecorder {
    store: Arc<dyn DeadLetterSink>,
    clock: Arc<dyn Clock>,
    meters: Arc<Meters>,
}

impl DeadLetterRecorder {
    /// One that keeps letters in this store.
    pub fn new(store: Arc<dyn DeadLetterSink>, clock: Arc<dyn Clock>, meters: Arc<Meters>) -> Self {
        Self { store, clock, meters }
    }

    /// Keeps results that the store refuses to apply.
    ///
    /// # Errors
    /// Those of the store; then nothing was kept.
    pub(crate) async fn record_results(&self, results: &[WorkerResult]) -> StoreResult<()> {
        let bodies = results.iter().map(|result| DeadBody::Result(Box::new(to_apply(result.clone()))));
        self.record(bodies.map(|body| (DeathReason::Refused, body)).collect()).await
    }

    async fn record(&self, letters: Vec<(DeathReason, DeadBody)>) -> StoreResult<()> {
        let now = self.clock.now();
        let letter = |(reason, body): (DeathReason, DeadBody)| NewDeadLetter { id: name(&body, now), reason, body };
        let letters: Vec<_> = letters.into_iter().map(letter).collect();
        self.store.record_dead_letters(&letters, now + PUT_OFF).await?;
        for letter in &letters {
            let (kind, reason) = (letter.body.kind().as_str(), letter.reason.as_str());
            self.meters.dead_letters.with_label_values(&[kind, reason]).inc();
            tracing::error!(
                dead_letter.id = %letter.id,
                dead_letter.kind = kind,
                reason,
                sender.id = letter.body.sender().map(tracing::field::display),
                "a dead letter is kept; `paceline dead list` shows it"
            );
        }
        Ok(())
    }
}

/// A letter that comes again before it is kept has the same name.
fn name(body: &DeadBody, now: chrono::DateTime<chrono::Utc>) -> DeadLetterId {
    let digest = body.digest();
    DeadLetterId::from_parts(now, std::array::from_fn(|index| digest[index]))
}

/// The role that empties the broker's dead queue.
pub struct DeadLetters {
    queue: Arc<dyn DeadQueue>,
    recorder: Arc<DeadLetterRecorder>,
    consumer: Option<Box<dyn DeadConsumer>>,
    silence: Silence,
    /// Taken and not kept yet: a batch that the store could not take outlives the step.
    pending: Vec<(DeadLetter, Box<dyn Acker>)>,
}

impl DeadLetters {
    /// The role for this queue.
    pub fn new(queue: Arc<dyn DeadQueue>, recorder: Arc<DeadLetterRecorder>) -> Self {
        Self { queue, recorder, consumer: None, silence: Silence::default(), pending: Vec::new() }
    }

    /// Waits for the next batch, or for the stop.
    async fn take_batch(&mut self, stop: &CancellationToken) -> Result<Duration, StepError> {
        let consumer = match &mut self.consumer {
            Some(consumer) => consumer,
            none => {
                let consumer = self.queue.consume_dead().await?;
                self.silence.begin();
                none.insert(consumer)
            }
        };
        let batch = tokio::time::timeout_at(self.silence.is_over_at(), consumer.next_batch(BATCH));
        match stop.run_until_cancelled(batch).await {
            None => {}
            Some(Ok(Some(deliveries))) => {
                self.silence.begin();
                self.pending.extend(deliveries.into_iter().map(Delivery::split));
            }
            Some(Ok(None) | Err(_)) => {
                self.consumer = None;
                return Ok(CONSUMER_PAUSE);
            }
        }
        Ok(Duration::ZERO)
    }

    async fn record_pending(&mut self) -> Result<(), StepError> {
        let letters = self.pending.iter().flat_map(|(letter, _)| bodies_of(letter)).collect();
        self.recorder.record(letters).await?;
        for (_, acker) in self.pending.drain(..) {
            // A failure is no trouble: the letter comes again, and is known.
            if let Err(error) = acker.ack().await {
                tracing::debug!(error = %error, "an acknowledgement did not reach the broker");
            }
        }
        Ok(())
    }
}

/// Results are kept one by one: an operator replays one without the others.
fn bodies_of(letter: &DeadLetter) -> Vec<(DeathReason, DeadBody)> {
    let bodies = match &letter.cargo {
        Cargo::Job(job) => vec![DeadBody::Job(job.clone())],
        Cargo::Results(results) => {
            results.iter().map(|result| DeadBody::Result(Box::new(to_apply(result.clone())))).collect()
        }
        Cargo::Unreadable(bytes) => {
            vec![DeadBody::Unreadable(bytes[..bytes.len().min(DeadBody::MAX_BYTES)].to_vec())]
        }
    };
    bodies.into_iter().map(|body| (letter.reason, body)).collect()
}

impl Role for DeadLetters {
    fn name(&self) -> &'static str {
        "dead_letters"
    }

    async fn step(&mut self, stop: &CancellationToken) -> Result<Duration, StepError> {
        let mut pause = Duration::ZERO;
        if self.pending.is_empty() {
            pause = self.take_batch(stop).await?;
        }
        if !self.pending.is_empty() {
            self.record_pending().await?;
        }
        Ok(pause)
    }
}
