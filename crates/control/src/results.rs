//! The results role: what workers report is applied in batches, and acknowledged once it is durable.
//!
//! There is one for each shard, so that a sender's results keep their order while shards, and servers, work side by side.

mod applier;

use std::{sync::Arc, time::Duration};

use paceline_domain::{ResultBody, WorkerResult};
use paceline_failpoints::{self as failpoints, Failpoint};
use paceline_queue::{Acker, Delivery, ResultConsumer, ResultQueue};
use paceline_store::StoreError;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use applier::Applier;
pub(crate) use applier::RESULT_KINDS;
pub(crate) use applier::to_apply;

use crate::{
    DeadLetterRecorder, ResultOptions, Role, StepError,
    silence::{CONSUMER_PAUSE, Silence},
};

/// The consumer of one shard.
pub struct ResultsRole {
    shard: u16,
    queue: Arc<dyn ResultQueue>,
    applier: Arc<Applier>,
    recorder: Arc<DeadLetterRecorder>,
    options: ResultOptions,
    consumer: Option<Box<dyn ResultConsumer>>,
    silence: Silence,
    /// Taken and not applied yet: a batch that the store could not take outlives the step.
    pending: Vec<Unanswered>,
    /// Set aside, unacknowledged so that they are not lost: the store refuses something in each.
    refused: Vec<Unanswered>,
    /// When those set aside are tried again.
    retry_at: Option<Instant>,
}

/// What is left to apply of a delivery, and how to answer it then.
struct Unanswered {
    results: Vec<WorkerResult>,
    acker: Box<dyn Acker>,
    refusal: Option<Refusal>,
}

/// Since when the store refuses something, and how many results it had taken by then.
#[derive(Clone, Copy)]
struct Refusal {
    since: Instant,
    taken: u64,
}

impl From<Delivery<Vec<WorkerResult>>> for Unanswered {
    fn from(delivery: Delivery<Vec<WorkerResult>>) -> Self {
        let (results, acker) = delivery.split();
        Self { results, acker, refusal: None }
    }
}

impl ResultsRole {
    /// The role for one shard. What the store refuses to the end, the recorder keeps.
    pub fn new(
        shard: u16,
        queue: Arc<dyn ResultQueue>,
        applier: Arc<Applier>,
        recorder: Arc<DeadLetterRecorder>,
        options: ResultOptions,
    ) -> Self {
        let (pending, refused) = (Vec::new(), Vec::new());
        let silence = Silence::default();
        Self { shard, queue, applier, recorder, options, consumer: None, silence, pending, refused, retry_at: None }
    }

    /// Waits for the next batch, for the stop, or for the time to try again what was refused.
    async fn take_batch(&mut self, stop: &CancellationToken) -> Result<Duration, StepError> {
        let consumer = match &mut self.consumer {
            Some(consumer) => consumer,
            none => {
                let consumer = self.queue.consume_results(self.shard).await?;
                self.silence.begin();
                none.insert(consumer)
            }
        };
        // What was set aside is not acknowledged: it would only come again, and is tried again by itself.
        let silence = if self.refused.is_empty() { Some(self.silence.is_over_at()) } else { None };
        tokio::select! {
            biased;
            () = reached(self.retry_at) => self.try_refused_again(),
            () = stop.cancelled() => {}
            () = reached(silence) => {
                self.forget_consumer();
                return Ok(CONSUMER_PAUSE);
            }
            batch = consumer.next_batch(self.options.batch) => {
                let Some(deliveries) = batch else {
                    self.forget_consumer();
                    return Ok(CONSUMER_PAUSE);
                };
                self.silence.begin();
                self.pending.extend(deliveries.into_iter().map(Unanswered::from));
            }
        }
        Ok(Duration::ZERO)
    }

    /// What the old consumer left unanswered comes again to the next one; answers to the old deliveries would be lost.
    fn forget_consumer(&mut self) {
        self.consumer = None;
        self.refused.clear();
        self.retry_at = None;
    }

    fn try_refused_again(&mut self) {
        self.pending.append(&mut self.refused);
        self.retry_at = None;
    }

    async fn apply_pending(&mut self) -> Result<(), StepError> {
        let results: Vec<_> = self.pending.iter().flat_map(|unanswered| unanswered.results.iter().cloned()).collect();
        self.applier.meters().observe_batch(results.len());
        failpoints::pass_if(Failpoint::ResultsReceived, || results.iter().any(concerns_a_message));
        match self.applier.apply(results).await {
            Ok(_) => {
                failpoints::pass_if(Failpoint::ResultsApplied, || {
                    self.pending.iter().flat_map(|unanswered| &unanswered.results).any(concerns_a_message)
                });
                for unanswered in self.pending.drain(..) {
                    answer(unanswered.acker).await;
                }
                Ok(())
            }
            Err(error) if error.is_transient() => Err(error.into()),
            Err(error) => self.isolate(error).await,
        }
    }

    /// The store refuses the batch: applies what it takes, one by one, and sets the rest aside. When too much is set aside, the fault is
    /// hardly with the results: then no more are taken.
    async fn isolate(&mut self, error: StoreError) -> Result<(), StepError> {
        while let Some(unanswered) = self.pending.first_mut() {
            apply_each(&self.applier, unanswered).await?;
            self.give_up_first().await?;
            let unanswered = self.pending.remove(0);
            if unanswered.results.is_empty() {
                answer(unanswered.acker).await;
            } else {
                self.refused.push(unanswered);
                self.retry_at = Some(Instant::now() + self.options.retry_refused);
            }
        }
        if self.refused.len() >= self.options.refused_limit { Err(error.into()) } else { Ok(()) }
    }

    /// Gives the first up when its time has come: its results are dead letters from now on. Those that cannot be kept either are
    /// tried on.
    async fn give_up_first(&mut self) -> Result<(), StoreError> {
        let due = self.pending.first().filter(|first| self.is_given_up(first)).map(|first| first.results.clone());
        let Some(results) = due.filter(|results| !results.is_empty()) else { return Ok(()) };
        match self.recorder.record_results(&results).await {
            Ok(()) => {}
            Err(error) if error.is_transient() => return Err(error),
            Err(_) => return Ok(()),
        }
        for result in &results {
            self.applier.report_given_up(result);
        }
        self.pending[0].results.clear();
        Ok(())
    }

    /// A refused result holds up whoever published it, so it is not kept for ever: soon given up when the store takes others, since
    /// the fault is then with the result, and late when it takes none.
    fn is_given_up(&self, unanswered: &Unanswered) -> bool {
        unanswered.refusal.is_some_and(|refusal| {
            let others = self.applier.taken() > refusal.taken;
            let patience = if others { self.options.give_up_after } else { self.options.give_up_all_after };
            refusal.since.elapsed() >= patience
        })
    }

    fn show_refused(&self) {
        let count = i64::try_from(self.refused.len()).unwrap_or(i64::MAX);
        self.applier.meters().refused_deliveries.with_label_values(&[&self.shard.to_string()]).set(count);
    }
}

impl Role for ResultsRole {
    fn name(&self) -> &'static str {
        const NAMES: [&str; 4] = ["results_0", "results_1", "results_2", "results_3"];
        NAMES.get(usize::from(self.shard)).copied().unwrap_or("results")
    }

    async fn step(&mut self, stop: &CancellationToken) -> Result<Duration, StepError> {
        if self.pending.is_empty() && self.refused.len() >= self.options.refused_limit {
            self.try_refused_again();
        }
        let mut pause = Duration::ZERO;
        if self.pending.is_empty() {
            pause = self.take_batch(stop).await?;
        }
        if !self.pending.is_empty() {
            let applied = self.apply_pending().await;
            self.show_refused();
            applied?;
        }
        Ok(pause)
    }
}

/// Applies the results of one delivery in their own transactions, and leaves those that the store refuses.
async fn apply_each(applier: &Applier, unanswered: &mut Unanswered) -> Result<(), StoreError> {
    let mut left = Vec::new();
    for result in &unanswered.results {
        match applier.apply([result.clone()]).await {
            Ok(_) => {}
            Err(error) if error.is_transient() => return Err(error),
            Err(error) => {
                if unanswered.refusal.is_none() {
                    applier.report_refusal(result, &error);
                }
                left.push(result.clone());
            }
        }
    }
    unanswered.results = left;
    unanswered.refusal.get_or_insert_with(|| Refusal { since: Instant::now(), taken: applier.taken() });
    Ok(())
}

/// Sessions come and go whether or not anything is sent.
const fn concerns_a_message(result: &WorkerResult) -> bool {
    !matches!(result.body, ResultBody::Session(_))
}

/// Acknowledges. A failure is no trouble: the delivery comes again, and the inbox drops it.
async fn answer(acker: Box<dyn Acker>) {
    if let Err(error) = acker.ack().await {
        tracing::debug!(error = %error, "an acknowledgement did not reach the broker");
    }
}

async fn reached(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
