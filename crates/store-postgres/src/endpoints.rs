//! Webhook endpoints, and their deliveries as a person sees them.

use paceline_store::endpoints::{Delivery, Endpoint};

use crate::{events::endpoints_lock, prelude::*};

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
        self.find(query.bind(uuid(endpoint)), columns::endpoint).await
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
        self.find(query.bind(uuid(delivery)), columns::delivery).await
    }
}

#[async_trait]
impl EndpointReads for PostgresRows {
    async fn list_endpoints(&self, workspace: WorkspaceId) -> Fallible<Vec<Endpoint>> {
        let query = sqlx::query(
            "SELECT id, workspace_id, url, events, secret, created_at FROM webhook_endpoints \
             WHERE workspace_id = $1 ORDER BY id",
        );
        self.list(query.bind(uuid(workspace)), columns::endpoint).await
    }

    async fn has_endpoint(&self, workspace: WorkspaceId, endpoint: EndpointId) -> Fallible<bool> {
        let query = sqlx::query("SELECT 1 FROM webhook_endpoints WHERE id = $1 AND workspace_id = $2");
        self.has(query.bind(uuid(endpoint)).bind(uuid(workspace))).await
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
        self.list(query, columns::numbered_delivery).await
    }
}
