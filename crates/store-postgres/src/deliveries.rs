//! Webhook deliveries, as their dispatcher sees them.

use paceline_store::deliveries::ClaimedDelivery;

use crate::prelude::*;

/// The endpoints that have something due, each held by one claimer at a time, so that its share is reckoned once. Those that
/// another holds are left to it. Who writes deliveries is not kept waiting.
const HOLD_ENDPOINTS: &str = concat!(
    "SELECT w.id FROM webhook_endpoints w WHERE w.disabled_at IS NULL AND EXISTS (SELECT 1 FROM webhook_deliveries d \
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

const LOCK_CLAIMED: &str = "SELECT v.place, d.seq, d.id, d.workspace_id, d.endpoint_id, d.attempts, e.id AS event_id, e.kind \
    FROM (SELECT * FROM UNNEST($1::uuid[], $2::bigint[]) WITH ORDINALITY AS v (id, token, place) ORDER BY v.id) v \
    CROSS JOIN LATERAL (SELECT x.* FROM webhook_deliveries x WHERE x.id = v.id AND x.token = v.token \
        AND x.state = 'waiting' AND x.claimed_until IS NOT NULL FOR UPDATE) d LEFT JOIN events e ON e.seq = d.event_seq";

const WRITE_TRIES: &str = concat!(
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

#[async_trait]
impl DeliveryRows for Tx {
    async fn claim_deliveries(
        &mut self,
        limit: u32,
        per_endpoint: u32,
        hold: Duration,
    ) -> Fallible<Vec<ClaimedDelivery>> {
        let endpoints: Vec<EndpointId> =
            self.list(sqlx::query(HOLD_ENDPOINTS), columns::id("webhook_endpoints")).await?;
        if endpoints.is_empty() {
            return Ok(Vec::new());
        }
        let claim = sqlx::query(CLAIM)
            .bind(uuids(endpoints))
            .bind(i64::from(limit))
            .bind(i64::from(per_endpoint))
            .bind(duration_micros(hold));
        self.list(claim, columns::claimed_delivery).await
    }

    async fn lock_claimed_deliveries(
        &mut self,
        claims: &[(DeliveryId, i64)],
    ) -> Fallible<Vec<(usize, Locked<HeldDeliveryRow>)>> {
        if claims.is_empty() {
            return Ok(Vec::new());
        }
        let lock = sqlx::query(LOCK_CLAIMED)
            .bind(column(claims, |(id, _)| uuid(*id)))
            .bind(column(claims, |(_, token)| *token));
        self.list(lock, columns::held_delivery).await
    }

    async fn write_tries(&mut self, tries: &[TryWrite<'_>]) -> Fallible<()> {
        if tries.is_empty() {
            return Ok(());
        }
        let write = sqlx::query(WRITE_TRIES)
            .bind(column(tries, |write| write.delivery.seq))
            .bind(column(tries, |write| write.state.as_str()))
            .bind(column(tries, |write| write.status.map(i64::from)))
            .bind(column(tries, |write| write.error.map(storable)))
            .bind(column(tries, |write| write.next_in.map(duration_micros)));
        self.run(write).await
    }
}

/// The texts.
pub(crate) const TEXTS: DeliveryTexts = DeliveryTexts {
    has_due: concat!(
        "SELECT 1 FROM webhook_endpoints w WHERE w.disabled_at IS NULL AND EXISTS (SELECT 1 FROM webhook_deliveries d \
                WHERE d.endpoint_id = w.id AND d.state = 'waiting' AND d.next_at <= ",
        statement_now!(),
        ") LIMIT 1"
    ),
};
