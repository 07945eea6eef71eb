//! The webhook dispatcher's role. A claim is a token and a time; its holder shows the token when it records the outcome.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{DeliveryId, EndpointId, EventId, EventKind};
use paceline_store::{
    StoreResult,
    deliveries::{ClaimedDelivery, DeliveryOutcome, DeliveryStore, NextTry},
    endpoints::DeliveryState,
};
use serde::Serialize;

use crate::{
    Database, Fallible, Ledger,
    events::NewEvent,
    locks::Locked,
    rows::{HeldDeliveryRow, TryWrite},
    transaction::Tx,
};

#[async_trait]
impl<D: Database> DeliveryStore for Ledger<D> {
    async fn claim_deliveries(
        &self,
        limit: u32,
        per_endpoint: u32,
        hold: Duration,
    ) -> StoreResult<Vec<ClaimedDelivery>> {
        // Asking costs the writer nothing while there is nothing to do.
        if limit == 0 || !self.database.has_due_deliveries().await? {
            return Ok(Vec::new());
        }
        self.write(move |tx| tx.rows.claim_deliveries(limit, per_endpoint, hold)).await
    }

    async fn record_deliveries(&self, outcomes: &[DeliveryOutcome], now: DateTime<Utc>) -> StoreResult<()> {
        if outcomes.is_empty() {
            return Ok(());
        }
        let outcomes = outcomes.to_vec();
        self.write(move |tx| Box::pin(record_deliveries(tx, outcomes, now))).await
    }
}

#[derive(Serialize)]
struct ExhaustedData<'a> {
    endpoint_id: EndpointId,
    delivery_id: DeliveryId,
    event_id: EventId,
    event_type: EventKind,
    attempts: i64,
    status: Option<u16>,
    error: &'a str,
}

async fn record_deliveries(tx: &mut Tx<'_>, outcomes: Vec<DeliveryOutcome>, now: DateTime<Utc>) -> Fallible<()> {
    let claims: Vec<(DeliveryId, i64)> = outcomes.iter().map(|outcome| (outcome.id, outcome.token)).collect();
    let held = tx.rows.lock_claimed_deliveries(&claims).await?;
    let mut tries = Vec::with_capacity(held.len());
    for (place, delivery) in &held {
        let Some(outcome) = outcomes.get(*place) else { continue };
        tries.push(try_of(delivery, outcome));
        if let NextTry::Exhausted { error } = &outcome.next {
            tx.events.add(exhausted(delivery, outcome.status, error, now));
        }
    }
    if tries.is_empty() { Ok(()) } else { tx.rows.write_tries(&tries).await }
}

fn try_of<'t>(delivery: &'t Locked<HeldDeliveryRow>, outcome: &'t DeliveryOutcome) -> TryWrite<'t> {
    let (state, error, next_in) = match &outcome.next {
        NextTry::Delivered => (DeliveryState::Delivered, None, None),
        NextTry::Retry { after, error } => (DeliveryState::Waiting, Some(error.as_str()), Some(*after)),
        NextTry::Exhausted { error } => (DeliveryState::Exhausted, Some(error.as_str()), None),
    };
    TryWrite { delivery, state, status: outcome.status, error, next_in }
}

fn exhausted(delivery: &HeldDeliveryRow, status: Option<u16>, error: &str, now: DateTime<Utc>) -> NewEvent {
    let data = ExhaustedData {
        endpoint_id: delivery.endpoint,
        delivery_id: delivery.id,
        event_id: delivery.event,
        event_type: delivery.kind,
        attempts: i64::from(delivery.attempts) + 1,
        status,
        error,
    };
    NewEvent::new(delivery.workspace, EventKind::WebhookExhausted, now, &data)
}
