//! Webhook deliveries, as their dispatcher sees them. A claim is a token and a time.

use paceline_store::deliveries::ClaimedDelivery;

use crate::prelude::*;

const WRITE_TRIES: Bulk = Bulk {
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

#[async_trait]
impl DeliveryRows for Tx {
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
        self.list(claimed.bind(seqs), columns::claimed_delivery).await
    }

    async fn lock_claimed_deliveries(
        &mut self,
        claims: &[(DeliveryId, i64)],
    ) -> Fallible<Vec<(usize, Locked<HeldDeliveryRow>)>> {
        let query = sqlx::query(
            "SELECT j.key AS place, d.seq, d.id, d.workspace_id, d.endpoint_id, d.attempts, e.id AS event_id, e.kind \
             FROM json_each(?1) j CROSS JOIN webhook_deliveries d ON d.id = unhex(j.value ->> 0) \
             JOIN events e ON e.seq = d.event_seq \
             WHERE d.token = j.value ->> 1 AND d.state = 'waiting' AND d.claimed_until IS NOT NULL ORDER BY d.id",
        );
        let claims: Vec<_> = claims.iter().map(|(id, token)| (hex(&id.to_bytes()), *token)).collect();
        self.list(query.bind(serde_json::json!(claims).to_string()), columns::held_delivery).await
    }

    async fn write_tries(&mut self, tries: &[TryWrite<'_>]) -> Fallible<()> {
        WRITE_TRIES
            .write(self, tries, |values, tried| {
                values.add(tried.delivery.seq).add(tried.state.as_str()).add(tried.status.map(i64::from));
                values.add(tried.error).add(tried.next_in.map(duration_micros));
            })
            .await
    }
}

impl Tx {
    /// What is due of each endpoint, as far as its share allows: when, and which.
    async fn find_due_deliveries(&mut self, limit: u32, per_endpoint: u32) -> Fallible<Vec<(i64, i64)>> {
        let endpoints = sqlx::query(concat!(
            "SELECT w.id, (SELECT count(*) FROM webhook_deliveries d INDEXED BY webhook_deliveries_claimed \
                WHERE d.endpoint_id = w.id AND d.claimed_until IS NOT NULL AND d.claimed_until > ",
            real_now!(),
            ") AS held FROM webhook_endpoints w WHERE w.disabled_at IS NULL AND EXISTS (SELECT 1 FROM webhook_deliveries d \
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
}

/// The texts.
pub(crate) const TEXTS: DeliveryTexts = DeliveryTexts {
    has_due: concat!(
        "SELECT 1 FROM webhook_endpoints w WHERE w.disabled_at IS NULL AND EXISTS (SELECT 1 FROM webhook_deliveries d \
                WHERE d.endpoint_id = w.id AND d.state = 'waiting' AND d.next_at <= ",
        real_now!(),
        ") LIMIT 1"
    ),
};
