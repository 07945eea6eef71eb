//! Webhook endpoints, and their deliveries as a person sees them.

use std::time::Duration;

use async_trait::async_trait;
use paceline_domain::{DeliveryId, DisableReason, EndpointId, WorkspaceId};
use paceline_store::endpoints::{Delivery, Endpoint};

use crate::{Fallible, locks::Locked};

/// How an endpoint has answered of late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StandingRow {
    /// The endpoint.
    pub id: EndpointId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// Whether the last try failed.
    pub is_failing: bool,
    /// Whether tries have failed for as long as it was asked about, by the database's clock.
    pub is_out_of_patience: bool,
    /// Whether it was switched off.
    pub is_disabled: bool,
}

/// What is noted about how an endpoint answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StandingWrite {
    /// A try succeeded.
    Well,
    /// A try failed.
    Failing,
    /// It is switched off from now on.
    Disabled(DisableReason),
}

/// Statements of a transaction.
#[async_trait]
pub trait EndpointRows {
    /// Adds an endpoint, unless one has its id.
    async fn add_endpoint(&mut self, endpoint: &Endpoint) -> Fallible<()>;

    /// An endpoint.
    async fn find_endpoint(&mut self, endpoint: EndpointId) -> Fallible<Option<Endpoint>>;

    /// Locks the endpoints of a workspace: nobody writes deliveries to them before this transaction ends.
    async fn lock_endpoints(&mut self, workspace: WorkspaceId) -> Fallible<()>;

    /// How endpoints have answered of late, in any order, not locked; `patience` is what tries may fail for.
    async fn list_standings(&mut self, endpoints: &[EndpointId], patience: Duration) -> Fallible<Vec<StandingRow>>;

    /// Locks endpoints, by id.
    async fn lock_standings(
        &mut self,
        endpoints: &[EndpointId],
        patience: Duration,
    ) -> Fallible<Vec<Locked<StandingRow>>>;

    /// Notes how an endpoint answers.
    async fn set_standing(&mut self, endpoint: &Locked<StandingRow>, standing: StandingWrite) -> Fallible<()>;

    /// Switches an endpoint on, as if nothing had failed.
    async fn enable_endpoint(&mut self, endpoint: &Locked<StandingRow>) -> Fallible<()>;

    /// Removes an endpoint, and notes that what waits for it is to be removed.
    async fn remove_endpoint(&mut self, endpoint: &Locked<StandingRow>) -> Fallible<()>;

    /// Gives up what waits for endpoints that are switched off, under new tokens and with this word of explanation; at most so many, past
    /// those that others hold. Answers how many.
    async fn end_deliveries_of_disabled(&mut self, why: &str, limit: u32) -> Fallible<u64>;

    /// Removes what waits for endpoints that were removed; at most so many, past those that others hold. Answers how many.
    async fn remove_deliveries_of_removed(&mut self, limit: u32) -> Fallible<u64>;

    /// Forgets the removed endpoints for which nothing waits.
    async fn forget_removed_endpoints(&mut self) -> Fallible<()>;

    /// Makes a delivery wait again, due now, without attempts and under a new token. Answers whether it, and its endpoint, exist.
    async fn redeliver(&mut self, workspace: WorkspaceId, endpoint: EndpointId, delivery: DeliveryId)
    -> Fallible<bool>;

    /// A delivery.
    async fn find_delivery(&mut self, delivery: DeliveryId) -> Fallible<Option<Delivery>>;
}

/// Statements outside of transactions.
#[async_trait]
pub trait EndpointReads {
    /// The endpoints of a workspace by creation and id.
    async fn list_endpoints(&self, workspace: WorkspaceId) -> Fallible<Vec<Endpoint>>;

    /// Whether a workspace has the endpoint.
    async fn has_endpoint(&self, workspace: WorkspaceId, endpoint: EndpointId) -> Fallible<bool>;

    /// Whether any endpoint is switched off or was removed while something may wait for it.
    async fn has_endpoints_to_end(&self) -> Fallible<bool>;

    /// The deliveries of an endpoint with their rows, newest first, before a row.
    async fn list_deliveries(
        &self,
        endpoint: EndpointId,
        before: Option<i64>,
        limit: u32,
    ) -> Fallible<Vec<(i64, Delivery)>>;
}
