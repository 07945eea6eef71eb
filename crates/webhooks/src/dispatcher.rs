//! The loop: claim what is due, try it, record what came of it.

use std::{sync::Arc, time::Duration};

use paceline_domain::{Clock, EgressPolicy};
use paceline_failpoints::{self as failpoints, Failpoint};
use paceline_store::{
    StoreResult,
    deliveries::{ClaimedDelivery, DeliveryOutcome, DeliveryStore, NextTry},
};
use paceline_telemetry::Metrics;
use tokio::{
    task::{JoinError, JoinSet},
    time::{Instant, sleep, sleep_until, timeout_at},
};
use tokio_util::sync::CancellationToken;

use crate::{
    WebhookOptions, WebhooksError, client,
    figures::Figures,
    post::{Answer, Poster},
    schedule::next_try,
};

/// After a try ends, how long to wait for others, so that outcomes are recorded in bulk.
const GATHER: Duration = Duration::from_millis(20);

/// The longest pause between two calls of a store that refuses.
const STORE_PAUSE_MOST: Duration = Duration::from_secs(10);

/// What the dispatcher works with.
pub struct WebhookDeps {
    /// Where the deliveries are.
    pub store: Arc<dyn DeliveryStore>,
    /// Real time for signatures, campaign time for the events that are recorded.
    pub clock: Arc<dyn Clock>,
    /// Where to count.
    pub metrics: Arc<Metrics>,
}

/// The webhook dispatcher. Any number may run at once, in one process or many: the store's claims keep them apart.
pub struct Webhooks {
    store: Arc<dyn DeliveryStore>,
    clock: Arc<dyn Clock>,
    options: Arc<WebhookOptions>,
    figures: Arc<Figures>,
    poster: Poster,
}

/// What a running dispatcher holds: tries under way, and outcomes that the store has not taken yet.
#[derive(Default)]
struct Hand {
    tries: JoinSet<DeliveryOutcome>,
    outcomes: Vec<DeliveryOutcome>,
    refusals: u32,
}

impl Webhooks {
    /// Checks the options and sets up the HTTP client; nothing runs yet.
    ///
    /// # Errors
    /// When an option makes no sense, or TLS cannot be set up.
    pub fn new(deps: WebhookDeps, options: WebhookOptions) -> Result<Self, WebhooksError> {
        options.check()?;
        let policy: Arc<EgressPolicy> = Arc::new(options.egress.clone());
        let client = client::build(&options, Arc::clone(&policy))?;
        Ok(Self {
            store: deps.store,
            clock: deps.clock,
            figures: Arc::new(Figures::new(&deps.metrics)),
            poster: Poster { client, policy, timeout: options.timeout },
            options: Arc::new(options),
        })
    }

    /// Delivers until `stop` is cancelled; then claims nothing more, finishes the tries in hand (each within `timeout`),
    /// records them and returns. What cannot be recorded is tried again once its claim has run out.
    pub async fn run(&self, stop: CancellationToken) {
        let mut hand = Hand::default();
        while !stop.is_cancelled() {
            self.record(&mut hand).await;
            self.claim(&mut hand).await;
            let pause = self.pause(&hand);
            tokio::select! {
                () = stop.cancelled() => {}
                () = hand.gather() => {}
                () = sleep(pause) => {}
            }
            self.figures.in_flight.set(hand.in_flight());
        }
        self.finish(&mut hand).await;
        self.figures.in_flight.set(0);
    }

    async fn finish(&self, hand: &mut Hand) {
        let deadline = Instant::now() + self.options.timeout + STORE_PAUSE_MOST;
        while let Ok(Some(ended)) = timeout_at(deadline, hand.tries.join_next()).await {
            hand.keep(ended);
        }
        self.record(hand).await;
        while !hand.outcomes.is_empty() && Instant::now() < deadline {
            sleep_until(deadline.min(Instant::now() + self.pause(hand))).await;
            self.record(hand).await;
        }
        if !hand.outcomes.is_empty() {
            tracing::warn!(
                count = hand.outcomes.len(),
                "outcomes of webhook tries were not recorded; they are tried again"
            );
        }
    }

    async fn claim(&self, hand: &mut Hand) {
        let busy = hand.tries.len().saturating_add(hand.outcomes.len());
        let free = self.options.concurrency.saturating_sub(u32::try_from(busy).unwrap_or(u32::MAX));
        if free == 0 {
            return;
        }
        match self.store.claim_deliveries(free, self.options.per_endpoint, self.options.hold).await {
            Ok(claimed) => {
                failpoints::pass_if(Failpoint::WebhooksClaimed, || !claimed.is_empty());
                hand.refusals = 0;
                for delivery in claimed {
                    hand.tries.spawn(self.attempt().run(delivery));
                }
                self.figures.in_flight.set(hand.in_flight());
            }
            Err(error) => self.store_refused(hand, "claim", &error),
        }
    }

    async fn record(&self, hand: &mut Hand) {
        if hand.outcomes.is_empty() {
            return;
        }
        match self.store_outcomes(&hand.outcomes).await {
            Ok(()) => {
                hand.refusals = 0;
                hand.outcomes.clear();
            }
            Err(error) => {
                self.store_refused(hand, "record", &error);
                if !error.is_transient() {
                    self.record_singly(hand).await;
                }
            }
        }
    }

    async fn store_outcomes(&self, outcomes: &[DeliveryOutcome]) -> StoreResult<()> {
        for (endpoint, reason) in
            self.store.record_deliveries(outcomes, self.options.disable_after, self.clock.now()).await?
        {
            self.figures.disabled(reason);
            tracing::warn!(
                endpoint.id = %endpoint, reason = reason.as_str(),
                "a webhook endpoint is switched off; `paceline webhook enable` switches it on again"
            );
        }
        Ok(())
    }

    /// Finds the outcome that the store cannot take, so that it does not hold up the others. It is dropped: its claim runs
    /// out, and the delivery is tried again.
    async fn record_singly(&self, hand: &mut Hand) {
        for outcome in std::mem::take(&mut hand.outcomes) {
            match self.store_outcomes(std::slice::from_ref(&outcome)).await {
                Ok(()) => {}
                Err(error) if error.is_transient() => hand.outcomes.push(outcome),
                Err(error) => {
                    tracing::error!(delivery.id = %outcome.id, error = %error, "the outcome of a webhook try is dropped");
                }
            }
        }
    }

    fn store_refused(&self, hand: &mut Hand, operation: &str, error: &paceline_store::StoreError) {
        hand.refusals = hand.refusals.saturating_add(1);
        self.figures.store_refused(operation);
        tracing::warn!(operation, error = %error, "the store refused the webhook dispatcher; trying again");
    }

    /// Until the store is asked again: the poll interval, longer the more often it refused.
    fn pause(&self, hand: &Hand) -> Duration {
        let doubled = self.options.poll.saturating_mul(1_u32 << hand.refusals.min(16));
        doubled.min(STORE_PAUSE_MOST.max(self.options.poll))
    }

    fn attempt(&self) -> Attempt {
        Attempt {
            poster: self.poster.clone(),
            clock: Arc::clone(&self.clock),
            options: Arc::clone(&self.options),
            figures: Arc::clone(&self.figures),
        }
    }
}

impl Hand {
    /// Waits until a try has ended, and a moment for others. Pending for ever while none is under way.
    async fn gather(&mut self) {
        match self.tries.join_next().await {
            Some(ended) => self.keep(ended),
            None => std::future::pending().await,
        }
        let until = Instant::now() + GATHER;
        while let Ok(Some(ended)) = timeout_at(until, self.tries.join_next()).await {
            self.keep(ended);
        }
    }

    fn keep(&mut self, ended: Result<DeliveryOutcome, JoinError>) {
        match ended {
            Ok(outcome) => self.outcomes.push(outcome),
            // Its claim runs out, and the delivery is tried again.
            Err(error) => tracing::error!(error = %error, "a webhook try ended without an outcome"),
        }
    }

    fn in_flight(&self) -> i64 {
        i64::try_from(self.tries.len()).unwrap_or(i64::MAX)
    }
}

/// All that one try takes along into its task.
struct Attempt {
    poster: Poster,
    clock: Arc<dyn Clock>,
    options: Arc<WebhookOptions>,
    figures: Arc<Figures>,
}

impl Attempt {
    async fn run(self, delivery: ClaimedDelivery) -> DeliveryOutcome {
        let begun = Instant::now();
        let answer = self.poster.post(&delivery, self.clock.real_now()).await;
        failpoints::pass(Failpoint::WebhooksPosted);
        let took = begun.elapsed();
        let next = next_try(&self.options.schedule, delivery.id, delivery.attempts, &answer);
        self.figures.tried(&answer, &next, took);
        let status = match answer {
            Answer::Status { status, .. } => Some(status),
            Answer::Failed(_) => None,
        };
        log(&delivery, status, &next, took);
        DeliveryOutcome { id: delivery.id, token: delivery.token, status, next }
    }
}

fn log(delivery: &ClaimedDelivery, status: Option<u16>, next: &NextTry, took: Duration) {
    let (endpoint, event) = (delivery.endpoint, delivery.event);
    let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    match next {
        NextTry::Delivered => tracing::debug!(
            delivery.id = %delivery.id, endpoint.id = %endpoint, event.id = %event, http.status = status, duration_ms,
            "webhook delivered"
        ),
        NextTry::Retry { after, error } => tracing::info!(
            delivery.id = %delivery.id, endpoint.id = %endpoint, event.id = %event, http.status = status, duration_ms,
            attempts = delivery.attempts.saturating_add(1), retry_seconds = after.as_secs(), error,
            "webhook try failed"
        ),
        NextTry::Exhausted { error } | NextTry::Gone { error } => tracing::warn!(
            delivery.id = %delivery.id, endpoint.id = %endpoint, event.id = %event, http.status = status, duration_ms,
            attempts = delivery.attempts.saturating_add(1), error,
            "webhook given up"
        ),
    }
}
