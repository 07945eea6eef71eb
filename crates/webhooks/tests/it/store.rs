//! A delivery store in memory. Retries are due at once, whatever their delay, which is remembered.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{DeliveryId, DisableReason, EndpointId};
use paceline_store::{
    StoreError, StoreResult,
    deliveries::{ClaimedDelivery, DeliveryOutcome, DeliveryStore, NextTry},
};
use tokio::sync::Notify;

#[derive(Default)]
pub(crate) struct MemoryStore {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    rows: Vec<Row>,
    outcomes: Vec<DeliveryOutcome>,
    refusals: Vec<StoreError>,
    poisoned: Option<DeliveryId>,
}

struct Row {
    delivery: ClaimedDelivery,
    held: bool,
    ended: bool,
}

impl MemoryStore {
    pub(crate) fn add(&self, delivery: ClaimedDelivery) {
        self.with(|state| state.rows.push(Row { delivery, held: false, ended: false }));
    }

    /// The next calls of `record_deliveries` fail with these, the last one first.
    pub(crate) fn refuse_records(&self, refusals: Vec<StoreError>) {
        self.with(|state| state.refusals = refusals);
    }

    /// Every call of `record_deliveries` that holds this delivery fails for good.
    pub(crate) fn poison(&self, delivery: DeliveryId) {
        self.with(|state| state.poisoned = Some(delivery));
    }

    pub(crate) fn outcomes_so_far(&self) -> Vec<DeliveryOutcome> {
        self.with(|state| state.outcomes.clone())
    }

    pub(crate) fn held(&self) -> usize {
        self.with(|state| state.rows.iter().filter(|row| row.held).count())
    }

    /// Waits until this many outcomes have been recorded.
    pub(crate) async fn outcomes(&self, count: usize) -> Vec<DeliveryOutcome> {
        let reached = async {
            loop {
                let changed = self.changed.notified();
                let outcomes = self.outcomes_so_far();
                if outcomes.len() >= count {
                    return outcomes;
                }
                changed.await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), reached).await.expect("the outcomes are recorded in time")
    }

    fn with<T>(&self, read: impl FnOnce(&mut State) -> T) -> T {
        read(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl DeliveryStore for MemoryStore {
    async fn claim_deliveries(
        &self,
        limit: u32,
        per_endpoint: u32,
        _hold: Duration,
    ) -> StoreResult<Vec<ClaimedDelivery>> {
        Ok(self.with(|state| {
            let mut claimed = Vec::new();
            for index in 0..state.rows.len() {
                let endpoint = state.rows[index].delivery.endpoint;
                let held = state.rows.iter().filter(|row| row.held && row.delivery.endpoint == endpoint).count();
                let row = &mut state.rows[index];
                if row.held || row.ended || held >= per_endpoint as usize || claimed.len() >= limit as usize {
                    continue;
                }
                row.held = true;
                claimed.push(row.delivery.clone());
            }
            claimed
        }))
    }

    async fn record_deliveries(
        &self,
        outcomes: &[DeliveryOutcome],
        patience: Duration,
        _now: DateTime<Utc>,
    ) -> StoreResult<Vec<(EndpointId, DisableReason)>> {
        assert_eq!(patience, Duration::from_hours(7 * 24), "a week unless configured");
        self.with(|state| {
            if let Some(refusal) = state.refusals.pop() {
                return Err(refusal);
            }
            if outcomes.iter().any(|outcome| state.poisoned == Some(outcome.id)) {
                return Err(StoreError::Corrupt { table: "deliveries", column: "state", row: "1".to_owned() });
            }
            for outcome in outcomes {
                let row = state.rows.iter_mut().find(|row| row.delivery.id == outcome.id).expect("it was claimed");
                assert_eq!(outcome.token, row.delivery.token);
                row.held = false;
                row.ended = !matches!(outcome.next, NextTry::Retry { .. });
                row.delivery.attempts += 1;
                state.outcomes.push(outcome.clone());
            }
            Ok(())
        })?;
        self.changed.notify_waiters();
        let gone = outcomes.iter().filter(|outcome| matches!(outcome.next, NextTry::Gone { .. }));
        let endpoint_of = |outcome: &DeliveryOutcome| {
            self.with(|state| {
                state.rows.iter().find(|row| row.delivery.id == outcome.id).map(|row| row.delivery.endpoint)
            })
        };
        Ok(gone.filter_map(endpoint_of).map(|endpoint| (endpoint, DisableReason::Gone)).collect())
    }
}
