//! The end: nothing goes wrong any more, and everything that was accepted comes to its end.

use std::{collections::BTreeSet, time::Duration};

use tokio::time::{Instant, sleep, timeout_at};

use super::arena::Arena;
use crate::{Api, Receiver, ScenarioError, ScenarioResult, oracle::Books};

/// How long all may take: whatever waits for a deadline of its own has passed it by then.
const WITHIN: Duration = Duration::from_mins(10);
/// How long a late receipt may take to settle an unknown outcome.
const LATE_RECEIPTS: Duration = Duration::from_mins(1);
/// How long the last webhooks may take.
const WEBHOOKS: Duration = Duration::from_mins(3);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Arena {
    /// Waits until no message waits any more, and for late receipts; what still waits after that is for the oracle to find.
    pub(super) async fn drain(&self) -> ScenarioResult<Duration> {
        let began = Instant::now();
        let api = self.patient()?;
        until(began + WITHIN, async || {
            Ok(none(&api, "waiting").await? && none(&api, "sending").await? && ended(&api).await?)
        })
        .await;
        let drained = began.elapsed();
        until(Instant::now() + LATE_RECEIPTS, async || none(&api, "unknown").await).await;
        Ok(drained)
    }

    /// Waits until every event that the books have has arrived, and takes down what has.
    pub(super) async fn await_webhooks(&self, books: &mut Books, receiver: &Receiver) {
        until(Instant::now() + WEBHOOKS, async || {
            let arrived = receiver.arrived();
            Ok(books.events.iter().all(|event| arrived.contains_key(&event.id)))
        })
        .await;
        books.arrived = receiver.arrived();
        // People go on reading meanwhile: what is told of that is no false webhook.
        let after = books.events.iter().map(|event| event.id.clone()).collect::<BTreeSet<_>>();
        if let Ok(api) = self.patient() {
            let mut later = Books::default();
            if later.read_events(&api).await.is_ok() {
                let later: BTreeSet<_> = later.events.into_iter().map(|event| event.id).collect();
                books.arrived.retain(|id, _| after.contains(id) || !later.contains(id));
            }
        }
        books.unverified = receiver.unverified();
    }
}

/// Whether no message is in this state.
async fn none(api: &Api, state: &str) -> ScenarioResult<bool> {
    let page = api.get(&format!("/v1/messages?state={state}&limit=1")).await?.ok()?;
    page["items"].as_array().map(Vec::is_empty).ok_or_else(|| ScenarioError::new(page.to_string()))
}

/// Whether no campaign runs.
async fn ended(api: &Api) -> ScenarioResult<bool> {
    let mut running = false;
    api.each("/v1/campaigns", |campaign| running |= campaign["state"] == "running").await?;
    Ok(!running)
}

/// Looks again and again until it is so, or the deadline has passed.
async fn until(deadline: Instant, mut look: impl AsyncFnMut() -> ScenarioResult<bool>) {
    let looking = async {
        while !matches!(look().await, Ok(true)) {
            sleep(LOOK_EVERY).await;
        }
    };
    let _ = timeout_at(deadline, looking).await;
}
