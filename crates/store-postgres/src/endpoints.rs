//! Webhook endpoints, and their deliveries as a person sees them.

use async_trait::async_trait;
use paceline_domain::{DeliveryId, EndpointId, WorkspaceId};
use paceline_store::{
    Page, PageRequest, StoreError, StoreResult,
    endpoints::{Delivery, DeliveryState, Endpoint, EndpointStore},
};
use sqlx::postgres::PgRow;

use crate::{
    cells::Cells,
    cursor::Cursor,
    error::Fallible,
    events::endpoints_lock,
    open::PostgresStore,
    transaction::Tx,
    values::{real_now, storable, uuid},
};

/// The columns of a delivery; the tables are named `d` and, for its event, `e`.
macro_rules! delivery_columns {
    () => {
        "d.seq, d.id, d.endpoint_id, d.state, d.attempts, d.last_status, d.last_error, d.next_at, e.id AS event_id, e.kind, e.at"
    };
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

#[async_trait]
impl EndpointStore for PostgresStore {
    async fn add_endpoint(&self, endpoint: Endpoint) -> StoreResult<Endpoint> {
        self.write(move |tx| Box::pin(tx.add_endpoint(endpoint))).await
    }

    async fn list_endpoints(&self, workspace: WorkspaceId) -> StoreResult<Vec<Endpoint>> {
        let query = sqlx::query(
            "SELECT id, workspace_id, url, events, secret, created_at FROM webhook_endpoints \
             WHERE workspace_id = $1 ORDER BY id",
        );
        let rows = self.all(query.bind(uuid(workspace))).await?;
        Ok(rows.iter().map(read_endpoint).collect::<Fallible<_>>()?)
    }

    async fn remove_endpoint(&self, workspace: WorkspaceId, endpoint: EndpointId) -> StoreResult<bool> {
        self.write(move |tx| Box::pin(tx.remove_endpoint(workspace, endpoint))).await
    }

    async fn list_deliveries(
        &self,
        workspace: WorkspaceId,
        endpoint: EndpointId,
        page: PageRequest,
    ) -> StoreResult<Option<Page<Delivery>>> {
        Ok(self.read_deliveries(workspace, endpoint, page).await?)
    }

    async fn redeliver(
        &self,
        workspace: WorkspaceId,
        endpoint: EndpointId,
        delivery: DeliveryId,
    ) -> StoreResult<Option<Delivery>> {
        self.write(move |tx| Box::pin(tx.redeliver(workspace, endpoint, delivery))).await
    }
}

impl PostgresStore {
    async fn read_deliveries(
        &self,
        workspace: WorkspaceId,
        endpoint: EndpointId,
        page: PageRequest,
    ) -> Fallible<Option<Page<Delivery>>> {
        let cursor = Cursor::<8>::read(&page)?;
        let exists = sqlx::query("SELECT 1 FROM webhook_endpoints WHERE id = $1 AND workspace_id = $2");
        if self.one(exists.bind(uuid(endpoint)).bind(uuid(workspace))).await?.is_none() {
            return Ok(None);
        }
        let query = sqlx::query(concat!(
            "SELECT ",
            delivery_columns!(),
            " FROM webhook_deliveries d JOIN events e ON e.seq = d.event_seq \
             WHERE d.endpoint_id = $1 AND d.seq < $2 ORDER BY d.seq DESC LIMIT $3"
        ));
        let before = cursor.after.map_or(i64::MAX, i64::from_be_bytes);
        let rows = self.all(query.bind(uuid(endpoint)).bind(before).bind(cursor.fetch())).await?;
        let numbered = |row| Ok((Cells::new("webhook_deliveries", row).number("seq")?, read_delivery(row)?));
        let deliveries = rows.iter().map(numbered).collect::<Fallible<Vec<_>>>()?;
        let page = cursor.page(deliveries, |(seq, _)| seq.to_be_bytes());
        Ok(Some(Page { items: page.items.into_iter().map(|(_, delivery)| delivery).collect(), next: page.next }))
    }
}

impl Tx {
    async fn add_endpoint(&mut self, endpoint: Endpoint) -> Fallible<Endpoint> {
        let id = endpoint.id;
        let insert = sqlx::query(
            "INSERT INTO webhook_endpoints (id, workspace_id, url, events, secret, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING",
        );
        let insert = insert
            .bind(uuid(id))
            .bind(uuid(endpoint.workspace))
            .bind(storable(&endpoint.url))
            .bind(serde_json::json!(endpoint.events).to_string())
            .bind(storable(&endpoint.secret))
            .bind(endpoint.created_at);
        self.execute(insert).await?;
        let query = sqlx::query(
            "SELECT id, workspace_id, url, events, secret, created_at FROM webhook_endpoints WHERE id = $1",
        );
        let row = self.one(query.bind(uuid(id))).await?.ok_or(sqlx::Error::RowNotFound)?;
        read_endpoint(&row)
    }

    /// Waits for those who are writing deliveries for the endpoint: see `Tx::list_subscriptions`.
    async fn remove_endpoint(&mut self, workspace: WorkspaceId, endpoint: EndpointId) -> Fallible<bool> {
        let alone = sqlx::query(concat!("SELECT pg_advisory_xact_lock(", endpoints_lock!("$1::uuid"), ")"));
        self.execute(alone.bind(uuid(workspace))).await?;
        let delete = sqlx::query("DELETE FROM webhook_endpoints WHERE id = $1 AND workspace_id = $2");
        if self.execute(delete.bind(uuid(endpoint)).bind(uuid(workspace))).await? == 0 {
            return Ok(false);
        }
        let waiting = sqlx::query("DELETE FROM webhook_deliveries WHERE endpoint_id = $1 AND state = 'waiting'");
        self.execute(waiting.bind(uuid(endpoint))).await?;
        Ok(true)
    }

    /// A new token, so that a try that is under way cannot record its outcome over the new beginning.
    async fn redeliver(
        &mut self,
        workspace: WorkspaceId,
        endpoint: EndpointId,
        delivery: DeliveryId,
    ) -> Fallible<Option<Delivery>> {
        let again = sqlx::query(concat!(
            "UPDATE webhook_deliveries SET state = 'waiting', attempts = 0, token = token + 1, claimed_until = NULL, \
             recorded_at = NULL, next_at = ",
            real_now!(),
            " WHERE id = $1 AND endpoint_id = $2 AND workspace_id = $3 \
             AND EXISTS (SELECT 1 FROM webhook_endpoints w WHERE w.id = $2)"
        ));
        if self.execute(again.bind(uuid(delivery)).bind(uuid(endpoint)).bind(uuid(workspace))).await? == 0 {
            return Ok(None);
        }
        let query = sqlx::query(concat!(
            "SELECT ",
            delivery_columns!(),
            " FROM webhook_deliveries d JOIN events e ON e.seq = d.event_seq WHERE d.id = $1"
        ));
        let row = self.one(query.bind(uuid(delivery))).await?;
        let gone =
            || StoreError::Corrupt { table: "webhook_deliveries", column: "event_seq", row: delivery.to_string() };
        Ok(Some(read_delivery(&row.ok_or_else(gone)?)?))
    }
}
