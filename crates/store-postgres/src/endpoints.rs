//! Webhook endpoints, and their deliveries as a person sees them.

use async_trait::async_trait;
use paceline_domain::{DeliveryId, EndpointId, WorkspaceId};
use paceline_ledger::{
    Fallible,
    rows::{EndpointReads, EndpointRows},
};
use paceline_store::endpoints::{Delivery, DeliveryState, Endpoint};
use sqlx::postgres::PgRow;

use crate::{
    cells::{Cells, read_all},
    database::PostgresRows,
    events::endpoints_lock,
    transaction::Tx,
    values::{real_now, storable, uuid},
};

/// The columns of a delivery; the tables are named `d` and, for its event, `e`.
macro_rules! delivery_columns {
    () => {
        "d.seq, d.id, d.endpoint_id, d.state, d.attempts, d.last_status, d.last_error, d.next_at, e.id AS event_id, e.kind, e.at"
    };
}

/// A new token, so that a try that is under way cannot record its outcome over the new beginning.
const REDELIVER: &str = concat!(
    "UPDATE webhook_deliveries SET state = 'waiting', attempts = 0, token = token + 1, claimed_until = NULL, \
     recorded_at = NULL, next_at = ",
    real_now!(),
    " WHERE id = $1 AND endpoint_id = $2 AND workspace_id = $3 \
     AND EXISTS (SELECT 1 FROM webhook_endpoints w WHERE w.id = $2)"
);

#[async_trait]
impl EndpointRows for Tx {
    async fn add_endpoint(&mut self, endpoint: &Endpoint) -> Fallible<()> {
        let insert = sqlx::query(
            "INSERT INTO webhook_endpoints (id, workspace_id, url, events, secret, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING",
        );
        let insert = insert
            .bind(uuid(endpoint.id))
            .bind(uuid(endpoint.workspace))
            .bind(storable(&endpoint.url))
            .bind(serde_json::json!(endpoint.events).to_string())
            .bind(storable(&endpoint.secret))
            .bind(endpoint.created_at);
        self.run(insert).await
    }

    async fn find_endpoint(&mut self, endpoint: EndpointId) -> Fallible<Option<Endpoint>> {
        let query = sqlx::query(
            "SELECT id, workspace_id, url, events, secret, created_at FROM webhook_endpoints WHERE id = $1",
        );
        self.one(query.bind(uuid(endpoint))).await?.as_ref().map(read_endpoint).transpose()
    }

    /// Waits for those who are writing deliveries for the workspace's endpoints: see `keep_subscriptions`.
    async fn lock_endpoints(&mut self, workspace: WorkspaceId) -> Fallible<()> {
        let alone = sqlx::query(concat!("SELECT pg_advisory_xact_lock(", endpoints_lock!("$1::uuid"), ")"));
        self.run(alone.bind(uuid(workspace))).await
    }

    async fn remove_endpoint(&mut self, workspace: WorkspaceId, endpoint: EndpointId) -> Fallible<bool> {
        let delete = sqlx::query("DELETE FROM webhook_endpoints WHERE id = $1 AND workspace_id = $2");
        Ok(self.execute(delete.bind(uuid(endpoint)).bind(uuid(workspace))).await? > 0)
    }

    async fn remove_waiting_deliveries(&mut self, endpoint: EndpointId) -> Fallible<()> {
        let delete = sqlx::query("DELETE FROM webhook_deliveries WHERE endpoint_id = $1 AND state = 'waiting'");
        self.run(delete.bind(uuid(endpoint))).await
    }

    async fn redeliver(
        &mut self,
        workspace: WorkspaceId,
        endpoint: EndpointId,
        delivery: DeliveryId,
    ) -> Fallible<bool> {
        let again = sqlx::query(REDELIVER).bind(uuid(delivery)).bind(uuid(endpoint)).bind(uuid(workspace));
        Ok(self.execute(again).await? > 0)
    }

    async fn find_delivery(&mut self, delivery: DeliveryId) -> Fallible<Option<Delivery>> {
        let query = sqlx::query(concat!(
            "SELECT ",
            delivery_columns!(),
            " FROM webhook_deliveries d JOIN events e ON e.seq = d.event_seq WHERE d.id = $1"
        ));
        self.one(query.bind(uuid(delivery))).await?.as_ref().map(read_delivery).transpose()
    }
}

#[async_trait]
impl EndpointReads for PostgresRows {
    async fn list_endpoints(&self, workspace: WorkspaceId) -> Fallible<Vec<Endpoint>> {
        let query = sqlx::query(
            "SELECT id, workspace_id, url, events, secret, created_at FROM webhook_endpoints \
             WHERE workspace_id = $1 ORDER BY id",
        );
        read_all(&self.all(query.bind(uuid(workspace))).await?, read_endpoint)
    }

    async fn has_endpoint(&self, workspace: WorkspaceId, endpoint: EndpointId) -> Fallible<bool> {
        let query = sqlx::query("SELECT 1 FROM webhook_endpoints WHERE id = $1 AND workspace_id = $2");
        Ok(self.one(query.bind(uuid(endpoint)).bind(uuid(workspace))).await?.is_some())
    }

    async fn list_deliveries(
        &self,
        endpoint: EndpointId,
        before: Option<i64>,
        limit: u32,
    ) -> Fallible<Vec<(i64, Delivery)>> {
        let query = sqlx::query(concat!(
            "SELECT ",
            delivery_columns!(),
            " FROM webhook_deliveries d JOIN events e ON e.seq = d.event_seq \
             WHERE d.endpoint_id = $1 AND d.seq < $2 ORDER BY d.seq DESC LIMIT $3"
        ));
        let query = query.bind(uuid(endpoint)).bind(before.unwrap_or(i64::MAX)).bind(i64::from(limit));
        read_all(&self.all(query).await?, |row| {
            Ok((Cells::new("webhook_deliveries", row).number("seq")?, read_delivery(row)?))
        })
    }
}

fn read_endpoint(row: &PgRow) -> Fallible<Endpoint> {
    let cells = Cells::new("webhook_endpoints", row);
    Ok(Endpoint {
        id: cells.id("id")?,
        workspace: cells.id("workspace_id")?,
        url: cells.string("url")?,
        events: cells.json("events")?,
        secret: cells.string("secret")?,
        created_at: cells.time("created_at")?,
    })
}

fn read_delivery(row: &PgRow) -> Fallible<Delivery> {
    let cells = Cells::new("webhook_deliveries", row);
    let word = cells.text("state")?;
    let state = DeliveryState::ALL.into_iter().find(|state| state.as_str() == word);
    let last_status = cells.opt_number("last_status")?.map(u16::try_from).transpose();
    Ok(Delivery {
        id: cells.id("id")?,
        endpoint: cells.id("endpoint_id")?,
        event: cells.id("event_id")?,
        kind: cells.word("kind")?,
        state: state.ok_or_else(|| cells.corrupt("state"))?,
        attempts: cells.small("attempts")?,
        last_status: last_status.map_err(|_| cells.corrupt("last_status"))?,
        last_error: cells.opt_string("last_error")?,
        next_at: cells.opt_time("next_at")?,
        created_at: cells.time("at")?,
    })
}
