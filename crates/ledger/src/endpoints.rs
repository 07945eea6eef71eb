//! Webhook endpoints, and their deliveries as a person sees them.

use std::time::Duration;

use async_trait::async_trait;
use paceline_domain::{DeliveryId, EndpointId, WorkspaceId};
use paceline_store::{
    Page, PageRequest, StoreError, StoreResult,
    endpoints::{Delivery, Endpoint, EndpointStore, RedeliverOutcome},
};

use crate::{Database, Fallible, Fault, Ledger, cursor::Cursor, locks::Locked, rows::StandingRow, transaction::Tx};

#[async_trait]
impl<D: Database> EndpointStore for Ledger<D> {
    async fn add_endpoint(&self, endpoint: Endpoint) -> StoreResult<Endpoint> {
        self.write(move |tx| Box::pin(add_endpoint(tx, endpoint))).await
    }

    async fn list_endpoints(&self, workspace: WorkspaceId) -> StoreResult<Vec<Endpoint>> {
        Ok(self.database.list_endpoints(workspace).await?)
    }

    async fn enable_endpoint(&self, workspace: WorkspaceId, endpoint: EndpointId) -> StoreResult<Option<Endpoint>> {
        self.write(move |tx| Box::pin(enable_endpoint(tx, workspace, endpoint))).await
    }

    async fn remove_endpoint(&self, workspace: WorkspaceId, endpoint: EndpointId) -> StoreResult<bool> {
        self.write(move |tx| Box::pin(remove_endpoint(tx, workspace, endpoint))).await
    }

    async fn list_deliveries(
        &self,
        workspace: WorkspaceId,
        endpoint: EndpointId,
        page: PageRequest,
    ) -> StoreResult<Option<Page<Delivery>>> {
        let cursor = Cursor::read(&page)?;
        if !self.database.has_endpoint(workspace, endpoint).await? {
            return Ok(None);
        }
        let deliveries = self.database.list_deliveries(endpoint, cursor.after, cursor.fetch()).await?;
        Ok(Some(cursor.page_of_keyed(deliveries)))
    }

    async fn redeliver(
        &self,
        workspace: WorkspaceId,
        endpoint: EndpointId,
        delivery: DeliveryId,
    ) -> StoreResult<RedeliverOutcome> {
        self.write(move |tx| Box::pin(redeliver(tx, workspace, endpoint, delivery))).await
    }
}

async fn add_endpoint(tx: &mut Tx<'_>, endpoint: Endpoint) -> Fallible<Endpoint> {
    tx.rows.add_endpoint(&endpoint).await?;
    let added = tx.rows.find_endpoint(endpoint.id).await?;
    added.ok_or_else(|| Fault::missing("webhook_endpoints", endpoint.id))
}

/// Locks an endpoint of a workspace.
async fn lock(tx: &mut Tx<'_>, workspace: WorkspaceId, endpoint: EndpointId) -> Fallible<Option<Locked<StandingRow>>> {
    let locked = tx.rows.lock_standings(&[endpoint], Duration::MAX).await?;
    Ok(locked.into_iter().find(|endpoint| endpoint.workspace == workspace))
}

async fn enable_endpoint(tx: &mut Tx<'_>, workspace: WorkspaceId, id: EndpointId) -> Fallible<Option<Endpoint>> {
    let Some(endpoint) = lock(tx, workspace, id).await? else { return Ok(None) };
    tx.rows.enable_endpoint(&endpoint).await?;
    tx.rows.find_endpoint(id).await
}

/// Waits for those who are writing deliveries for the endpoint, so that they are there to be removed too.
async fn remove_endpoint(tx: &mut Tx<'_>, workspace: WorkspaceId, id: EndpointId) -> Fallible<bool> {
    let Some(endpoint) = lock(tx, workspace, id).await? else { return Ok(false) };
    tx.rows.lock_endpoints(workspace).await?;
    tx.rows.remove_endpoint(&endpoint).await?;
    Ok(true)
}

/// Under a new token, so that a try that is under way cannot record its outcome over the new beginning.
async fn redeliver(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    endpoint: EndpointId,
    delivery: DeliveryId,
) -> Fallible<RedeliverOutcome> {
    let known = tx.rows.find_endpoint(endpoint).await?.filter(|known| known.workspace == workspace);
    if known.is_some_and(|known| known.disabled.is_some()) {
        // One that is switched off meanwhile has the delivery given up, as all that waits for it.
        return Ok(RedeliverOutcome::Disabled);
    }
    if !tx.rows.redeliver(workspace, endpoint, delivery).await? {
        return Ok(RedeliverOutcome::NotFound);
    }
    let again = tx.rows.find_delivery(delivery).await?;
    // An event stays as long as a delivery wants it.
    let gone = || StoreError::Corrupt { table: "webhook_deliveries", column: "event_seq", row: delivery.to_string() };
    Ok(RedeliverOutcome::Due(again.ok_or_else(gone)?))
}
