//! The webhook dispatcher's role. A claim is a token and a time; its holder shows the token when it records the outcome.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{DeliveryId, DisableReason, EndpointId};
use paceline_store::{
    StoreResult,
    deliveries::{ClaimedDelivery, DeliveryOutcome, DeliveryStore, NextTry},
    endpoints::DeliveryState,
};

use crate::{
    Database, Fallible, Ledger,
    locks::Locked,
    rows::{HeldDeliveryRow, TryWrite},
    transaction::Tx,
};

mod report;
mod standing;

use standing::Seen;

/// What those deliveries are told to have failed of that waited for an endpoint when it was switched off.
const SWITCHED_OFF: &str = "the webhook endpoint was switched off";

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

    async fn record_deliveries(
        &self,
        outcomes: &[DeliveryOutcome],
        patience: Duration,
        now: DateTime<Utc>,
    ) -> StoreResult<Vec<(EndpointId, DisableReason)>> {
        if outcomes.is_empty() {
            return Ok(Vec::new());
        }
        let outcomes = outcomes.to_vec();
        self.write(move |tx| Box::pin(record_deliveries(tx, outcomes, patience, now))).await
    }
}

async fn record_deliveries(
    tx: &mut Tx<'_>,
    outcomes: Vec<DeliveryOutcome>,
    patience: Duration,
    now: DateTime<Utc>,
) -> Fallible<Vec<(EndpointId, DisableReason)>> {
    let claims: Vec<(DeliveryId, i64)> = outcomes.iter().map(|outcome| (outcome.id, outcome.token)).collect();
    let held = tx.rows.lock_claimed_deliveries(&claims).await?;
    let mut tries = Vec::with_capacity(held.len());
    let mut seen: BTreeMap<EndpointId, Seen> = BTreeMap::new();
    for (place, delivery) in &held {
        let Some(outcome) = outcomes.get(*place) else { continue };
        tries.push(try_of(delivery, outcome));
        let found = Seen::of(outcome);
        seen.entry(delivery.endpoint).and_modify(|seen| seen.join(&found)).or_insert(found);
        if let NextTry::Exhausted { error } | NextTry::Gone { error } = &outcome.next
            && let Some(event) = report::exhausted(delivery, outcome.status, error, now)
        {
            tx.events.add(event);
        }
    }
    if tries.is_empty() {
        return Ok(Vec::new());
    }
    tx.rows.write_tries(&tries).await?;
    standing::note(tx, &seen, patience, now).await
}

fn try_of<'t>(delivery: &'t Locked<HeldDeliveryRow>, outcome: &'t DeliveryOutcome) -> TryWrite<'t> {
    let (state, error, next_in) = match &outcome.next {
        NextTry::Delivered => (DeliveryState::Delivered, None, None),
        NextTry::Retry { after, error } => (DeliveryState::Waiting, Some(error.as_str()), Some(*after)),
        NextTry::Exhausted { error } | NextTry::Gone { error } => {
            (DeliveryState::Exhausted, Some(error.as_str()), None)
        }
    };
    TryWrite { delivery, state, status: outcome.status, error, next_in }
}

/// Ends what waits for endpoints that are switched off or removed: in pieces, since that may be everything that happened for a day.
pub(crate) async fn end_deliveries(tx: &mut Tx<'_>, limit: u32) -> Fallible<u64> {
    let ended = tx.rows.end_deliveries_of_disabled(SWITCHED_OFF, limit).await?;
    let left = limit.saturating_sub(u32::try_from(ended).unwrap_or(u32::MAX));
    if left == 0 {
        return Ok(ended);
    }
    let removed = tx.rows.remove_deliveries_of_removed(left).await?;
    if removed < u64::from(left) {
        tx.rows.forget_removed_endpoints().await?;
    }
    Ok(ended + removed)
}
