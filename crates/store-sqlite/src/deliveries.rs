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
use sqlx::sqlite::SqliteRow;

use crate::{
    bulk::Bulk,
    cells::Cells,
    error::Fallible,
    events::NewEvent,
    open::SqliteStore,
    transaction::Tx,
    values::{blob, duration_micros, hex, json_numbers, real_now},
};

#[async_trait]
impl DeliveryStore for SqliteStore {
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
            real_now!(),
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

/// A delivery whose outcome its claim's holder records.
struct HeldDelivery<'o> {
    seq: i64,
    outcome: &'o DeliveryOutcome,
}

const RECORD: Bulk = Bulk {
    head: "WITH v (seq, state, status, error, next_in) AS (VALUES",
    row: "(?, ?, ?, ?, ?)",
    tail: concat!(
        ") UPDATE webhook_deliveries SET state = v.state, attempts = attempts + 1, last_status = v.status, \
         last_error = v.error, claimed_until = NULL, next_at = ",
        real_now!(),
        " + v.next_in, recorded_at = iif(v.next_in IS NULL, ",
        real_now!(),
        ", NULL) FROM v WHERE webhook_deliveries.seq = v.seq"
    ),
};

impl Tx {
    async fn claim_deliveries(
        &mut self,
        limit: u32,
        per_endpoint: u32,
        hold: Duration,
    ) -> Fallible<Vec<ClaimedDelivery>> {
        let mut due = self.find_due_deliveries(limit, per_endpoint).await?;
        due.sort_unstable();
        due.truncate(limit as usize);
        let seqs = json_numbers(due.iter().map(|(_, seq)| *seq));
        let claim = sqlx::query(concat!(
            "UPDATE webhook_deliveries SET token = token + 1, claimed_until = ",
            real_now!(),
            " + ?2, next_at = ",
            real_now!(),
            " + ?2 WHERE seq IN (SELECT value FROM json_each(?1))"
        ));
        self.execute(claim.bind(seqs.clone()).bind(duration_micros(hold))).await?;
        let claimed = sqlx::query(
            "SELECT d.id, d.token, d.endpoint_id, d.attempts, w.url, w.secret, e.id AS event_id, e.kind, e.at, e.data \
             FROM json_each(?1) j CROSS JOIN webhook_deliveries d ON d.seq = j.value \
             JOIN webhook_endpoints w ON w.id = d.endpoint_id JOIN events e ON e.seq = d.event_seq ORDER BY j.key",
        );
        self.all(claimed.bind(seqs)).await?.iter().map(read_claimed).collect()
    }

    /// What is due of each endpoint, as far as its share allows: when, and which.
    async fn find_due_deliveries(&mut self, limit: u32, per_endpoint: u32) -> Fallible<Vec<(i64, i64)>> {
        let endpoints = sqlx::query(concat!(
            "SELECT w.id, (SELECT count(*) FROM webhook_deliveries d INDEXED BY webhook_deliveries_claimed \
                WHERE d.endpoint_id = w.id AND d.claimed_until IS NOT NULL AND d.claimed_until > ",
            real_now!(),
            ") AS held FROM webhook_endpoints w WHERE EXISTS (SELECT 1 FROM webhook_deliveries d \
                WHERE d.endpoint_id = w.id AND d.state = 'waiting' AND d.next_at <= ",
            real_now!(),
            ")"
        ));
        let rows = self.all(endpoints).await?;
        let mut due = Vec::new();
        for row in &rows {
            let cells = Cells::new("webhook_endpoints", row);
            let endpoint: EndpointId = cells.id("id")?;
            let share = (i64::from(per_endpoint) - cells.number("held")?).min(i64::from(limit));
            if share <= 0 {
                continue;
            }
            let oldest = sqlx::query(concat!(
                "SELECT seq, next_at FROM webhook_deliveries INDEXED BY webhook_deliveries_due \
                 WHERE endpoint_id = ?1 AND state = 'waiting' AND next_at <= ",
                real_now!(),
                " ORDER BY next_at LIMIT ?2"
            ));
            for row in &self.all(oldest.bind(blob(endpoint)).bind(share)).await? {
                let cells = Cells::new("webhook_deliveries", row);
                due.push((cells.number("next_at")?, cells.number("seq")?));
            }
        }
        Ok(due)
    }

    async fn record_deliveries(&mut self, outcomes: Vec<DeliveryOutcome>, now: DateTime<Utc>) -> Fallible<()> {
        let query = sqlx::query(
            "SELECT j.key AS place, d.seq, d.id, d.workspace_id, d.endpoint_id, d.attempts, e.id AS event_id, e.kind \
             FROM json_each(?1) j CROSS JOIN webhook_deliveries d ON d.id = unhex(j.value ->> 0) \
             LEFT JOIN events e ON e.seq = d.event_seq \
             WHERE d.token = j.value ->> 1 AND d.state = 'waiting' AND d.claimed_until IS NOT NULL",
        );
        let keys: Vec<_> = outcomes.iter().map(|outcome| (hex(&outcome.id.to_bytes()), outcome.token)).collect();
        let rows = self.all(query.bind(serde_json::json!(keys).to_string())).await?;
        let mut held = Vec::with_capacity(rows.len());
        for row in &rows {
            let cells = Cells::new("webhook_deliveries", row);
            let place: usize = cells.number("place")?.try_into().map_err(|_| cells.corrupt("place"))?;
            let Some(outcome) = outcomes.get(place) else { continue };
            held.push(HeldDelivery { seq: cells.number("seq")?, outcome });
            if let NextTry::Exhausted { error } = &outcome.next {
                self.note_exhausted(cells, outcome, error, now)?;
            }
        }
        RECORD
            .run(
                self,
                &held,
                |_| {},
                |values, held| {
                    let (state, error, next_in) = match &held.outcome.next {
                        NextTry::Delivered => ("delivered", None, None),
                        NextTry::Retry { after, error } => {
                            ("waiting", Some(error.as_str()), Some(duration_micros(*after)))
                        }
                        NextTry::Exhausted { error } => ("exhausted", Some(error.as_str()), None),
                    };
                    values.add(held.seq).add(state).add(held.outcome.status.map(i64::from)).add(error).add(next_in);
                },
            )
            .await?;
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

fn read_claimed(row: &SqliteRow) -> Fallible<ClaimedDelivery> {
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
