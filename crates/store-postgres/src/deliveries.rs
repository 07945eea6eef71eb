//! The webhook dispatcher's role. A claim is a token and a time; its holder shows the token when it records the outcome.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{DeliveryId, EndpointId, EventId, EventKind, WorkspaceId};
use paceline_store::{
    StoreResult,
    deliveries::{ClaimedDelivery, DeliveryOutcome, DeliveryStore, NextTry},
};
use serde::Serialize;
use sqlx::postgres::PgRow;

use crate::{
    bulk::column,
    cells::Cells,
    error::Fallible,
    events::NewEvent,
    open::PostgresStore,
    transaction::Tx,
    values::{duration_micros, micros_of, real_now, statement_now, storable, uuid, uuids},
};

#[async_trait]
impl DeliveryStore for PostgresStore {
    async fn claim_deliveries(
        &self,
        limit: u32,
        per_endpoint: u32,
        hold: Duration,
    ) -> StoreResult<Vec<ClaimedDelivery>> {
        // Asking costs the writer nothing while there is nothing to do.
        let due = sqlx::query(concat!(
            "SELECT 1 FROM webhook_endpoints w WHERE EXISTS (SELECT 1 FROM webhook_deliveries d \
                WHERE d.endpoint_id = w.id AND d.state = 'waiting' AND d.next_at <= ",
            statement_now!(),
            ") LIMIT 1"
        ));
        if limit == 0 || self.one(due).await?.is_none() {
            return Ok(Vec::new());
        }
        self.write(move |tx| Box::pin(tx.claim_deliveries(limit, per_endpoint, hold))).await
    }

    async fn record_deliveries(&self, outcomes: &[DeliveryOutcome], now: DateTime<Utc>) -> StoreResult<()> {
        if outcomes.is_empty() {
            return Ok(());
        }
        let outcomes = outcomes.to_vec();
        self.write(move |tx| Box::pin(tx.record_deliveries(outcomes, now))).await
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

/// The endpoints that have something due, each held by one claimer at a time, so that its share is reckoned once. Those that
/// another holds are left to it. Who writes deliveries is not kept waiting.
const HOLD_ENDPOINTS: &str = concat!(
    "SELECT w.id FROM webhook_endpoints w WHERE EXISTS (SELECT 1 FROM webhook_deliveries d \
        WHERE d.endpoint_id = w.id AND d.state = 'waiting' AND d.next_at <= ",
    statement_now!(),
    ") ORDER BY w.id FOR NO KEY UPDATE SKIP LOCKED"
);

/// What is due of the endpoints that are held, as far as the share of each allows, oldest first. A delivery that is being
/// recorded or redelivered at this moment is passed over.
const CLAIM: &str = concat!(
    "WITH due AS MATERIALIZED (SELECT d.seq, d.next_at FROM webhook_endpoints w \
        CROSS JOIN LATERAL (SELECT count(*) AS held FROM webhook_deliveries h \
            WHERE h.endpoint_id = w.id AND h.claimed_until IS NOT NULL AND h.claimed_until > ",
    statement_now!(),
    ") x CROSS JOIN LATERAL (SELECT q.seq, q.next_at FROM webhook_deliveries q \
            WHERE q.endpoint_id = w.id AND q.state = 'waiting' AND q.next_at <= ",
    statement_now!(),
    " ORDER BY q.next_at LIMIT greatest(least($3 - x.held, $2), 0) FOR UPDATE SKIP LOCKED) d \
        WHERE w.id = ANY($1)), \
     chosen AS MATERIALIZED (SELECT seq, next_at FROM due ORDER BY next_at, seq LIMIT $2), \
     claimed AS (UPDATE webhook_deliveries SET token = token + 1, claimed_until = ",
    real_now!(),
    " + ",
    micros_of!("$4"),
    ", next_at = ",
    real_now!(),
    " + ",
    micros_of!("$4"),
    " FROM chosen WHERE webhook_deliveries.seq = chosen.seq \
        RETURNING webhook_deliveries.id, webhook_deliveries.token, webhook_deliveries.endpoint_id, \
            webhook_deliveries.attempts, webhook_deliveries.event_seq, chosen.next_at AS due_at, chosen.seq) \
     SELECT d.id, d.token, d.endpoint_id, d.attempts, w.url, w.secret, e.id AS event_id, e.kind, e.at, e.data \
     FROM claimed d JOIN webhook_endpoints w ON w.id = d.endpoint_id JOIN events e ON e.seq = d.event_seq \
     ORDER BY d.due_at, d.seq"
);

const FIND_HELD: &str = "SELECT v.place, d.seq, d.id, d.workspace_id, d.endpoint_id, d.attempts, e.id AS event_id, e.kind \
    FROM (SELECT * FROM UNNEST($1::uuid[], $2::bigint[]) WITH ORDINALITY AS v (id, token, place) ORDER BY v.id) v \
    CROSS JOIN LATERAL (SELECT x.* FROM webhook_deliveries x WHERE x.id = v.id AND x.token = v.token \
        AND x.state = 'waiting' AND x.claimed_until IS NOT NULL FOR UPDATE) d LEFT JOIN events e ON e.seq = d.event_seq";

const RECORD: &str = concat!(
    "UPDATE webhook_deliveries SET state = v.state, attempts = attempts + 1, last_status = v.status, \
     last_error = v.error, claimed_until = NULL, next_at = ",
    real_now!(),
    " + ",
    micros_of!("v.next_in"),
    ", recorded_at = CASE WHEN v.next_in IS NULL THEN ",
    real_now!(),
    " END FROM UNNEST($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::bigint[]) \
        AS v (seq, state, status, error, next_in) WHERE webhook_deliveries.seq = v.seq"
);

impl Tx {
    async fn claim_deliveries(
        &mut self,
        limit: u32,
        per_endpoint: u32,
        hold: Duration,
    ) -> Fallible<Vec<ClaimedDelivery>> {
        let endpoints = self.all(sqlx::query(HOLD_ENDPOINTS)).await?;
        let endpoints = endpoints.iter().map(|row| Cells::new("webhook_endpoints", row).id("id"));
        let endpoints = endpoints.collect::<Fallible<Vec<EndpointId>>>()?;
        if endpoints.is_empty() {
            return Ok(Vec::new());
        }
        let claim = sqlx::query(CLAIM)
            .bind(uuids(endpoints))
            .bind(i64::from(limit))
            .bind(i64::from(per_endpoint))
            .bind(duration_micros(hold));
        self.all(claim).await?.iter().map(read_claimed).collect()
    }

    async fn record_deliveries(&mut self, outcomes: Vec<DeliveryOutcome>, now: DateTime<Utc>) -> Fallible<()> {
        let query = sqlx::query(FIND_HELD)
            .bind(column(&outcomes, |outcome| uuid(outcome.id)))
            .bind(column(&outcomes, |outcome| outcome.token));
        let rows = self.all(query).await?;
        let mut held = Vec::with_capacity(rows.len());
        for row in &rows {
            let cells = Cells::new("webhook_deliveries", row);
            let place: usize = cells.small("place")?;
            let Some(outcome) = place.checked_sub(1).and_then(|place| outcomes.get(place)) else { continue };
            held.push((cells.number("seq")?, outcome));
            if let NextTry::Exhausted { error } = &outcome.next {
                self.note_exhausted(cells, outcome, error, now)?;
            }
        }
        if held.is_empty() {
            return Ok(());
        }
        let record = sqlx::query(RECORD)
            .bind(column(&held, |(seq, _)| *seq))
            .bind(column(&held, |(_, outcome)| state_after(&outcome.next)))
            .bind(column(&held, |(_, outcome)| outcome.status.map(i64::from)))
            .bind(column(&held, |(_, outcome)| error_of(&outcome.next).map(|error| storable(error).into_owned())))
            .bind(column(&held, |(_, outcome)| next_in(&outcome.next)));
        self.execute(record).await?;
        Ok(())
    }

    fn note_exhausted(
        &mut self,
        cells: Cells<'_>,
        outcome: &DeliveryOutcome,
        error: &str,
        now: DateTime<Utc>,
    ) -> Fallible<()> {
        let workspace: WorkspaceId = cells.id("workspace_id")?;
        let data = ExhaustedData {
            endpoint_id: cells.id("endpoint_id")?,
            delivery_id: outcome.id,
            event_id: cells.id("event_id")?,
            event_type: cells.word("kind")?,
            attempts: cells.number("attempts")? + 1,
            status: outcome.status,
            error,
        };
        self.event(NewEvent::new(workspace, EventKind::WebhookExhausted, now, &data));
        Ok(())
    }
}

const fn state_after(next: &NextTry) -> &'static str {
    match next {
        NextTry::Delivered => "delivered",
        NextTry::Retry { .. } => "waiting",
        NextTry::Exhausted { .. } => "exhausted",
    }
}

fn error_of(next: &NextTry) -> Option<&str> {
    match next {
        NextTry::Delivered => None,
        NextTry::Retry { error, .. } | NextTry::Exhausted { error } => Some(error),
    }
}

fn next_in(next: &NextTry) -> Option<i64> {
    match next {
        NextTry::Retry { after, .. } => Some(duration_micros(*after)),
        NextTry::Delivered | NextTry::Exhausted { .. } => None,
    }
}

fn read_claimed(row: &PgRow) -> Fallible<ClaimedDelivery> {
    let cells = Cells::new("webhook_deliveries", row);
    Ok(ClaimedDelivery {
        id: cells.id("id")?,
        token: cells.number("token")?,
        endpoint: cells.id("endpoint_id")?,
        url: cells.string("url")?,
        secret: cells.string("secret")?,
        event: cells.id("event_id")?,
        kind: cells.word("kind")?,
        at: cells.time("at")?,
        data: cells.json("data")?,
        attempts: cells.small("attempts")?,
    })
}
