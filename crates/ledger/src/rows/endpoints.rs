//! Webhook endpoints, and their deliveries as a person sees them.

use async_trait::async_trait;
use paceline_domain::{DeliveryId, EndpointId, WorkspaceId};
use paceline_store::endpoints::{Delivery, Endpoint};

use crate::Fallible;

/// Statements of a transaction.
#[async_trait]
pub trait EndpointRows {
    /// Adds an endpoint, unless one has its id.
    async fn add_endpoint(&mut self, endpoint: &Endpoint) -> Fallible<()>;

    /// An endpoint.
    async fn find_endpoint(&mut self, endpoint: EndpointId) -> Fallible<Option<Endpoint>>;

    /// Locks the endpoints of a workspace: nobody writes deliveries to them before this transaction ends.
    async fn lock_endpoints(&mut self, workspace: WorkspaceId) -> Fallible<()>;

    /// Removes an endpoint. Answers whether there was one.
    async fn remove_endpoint(&mut self, workspace: WorkspaceId, endpoint: EndpointId) -> Fallible<bool>;

    /// Removes what waits to be delivered to an endpoint.
    async fn remove_waiting_deliveries(&mut self, endpoint: EndpointId) -> Fallible<()>;

    /// Makes a delivery wait again, due now, without attempts and under a new token. Answers whether it, and its endpoint, exist.
    async fn redeliver(&mut self, workspace: WorkspaceId, endpoint: EndpointId, delivery: DeliveryId)
    -> Fallible<bool>;

    /// A delivery.
    async fn find_delivery(&mut self, delivery: DeliveryId) -> Fallible<Option<Delivery>>;
}

/// Statements outside of transactions.
#[async_trait]
pub trait EndpointReads {
    /// The endpoints of a workspace by id.
    async fn list_endpoints(&self, workspace: WorkspaceId) -> Fallible<Vec<Endpoint>>;

    /// Whether a workspace has the endpoint.
    async fn has_endpoint(&self, workspace: WorkspaceId, endpoint: EndpointId) -> Fallible<bool>;

    /// The deliveries of an endpoint with their rows, newest first, before a row.
    async fn list_deliveries(
        &self,
        endpoint: EndpointId,
        before: Option<i64>,
        limit: u32,
    ) -> Fallible<Vec<(i64, Delivery)>>;
}
