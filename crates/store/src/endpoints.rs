//! Webhook endpoints, and their deliveries as a person sees them.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{DeliveryId, DisableReason, EndpointId, EventId, EventKind, WorkspaceId};

use crate::{Page, PageRequest, StoreResult};

/// A webhook endpoint.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// Where events are posted.
    pub url: String,
    /// The events wanted; empty means all.
    pub events: Vec<EventKind>,
    /// The signing secret (`whsec_…`).
    pub secret: String,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// Since when nothing has reached it, in real time; `None` while the last try succeeded.
    pub failing_since: Option<DateTime<Utc>>,
    /// Whether it was switched off: no event is posted to it until it is switched on again.
    pub disabled: Option<Disabled>,
}

/// A webhook endpoint was switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disabled {
    /// When, in real time.
    pub at: DateTime<Utc>,
    /// Why.
    pub reason: DisableReason,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// To be tried, again or for the first time.
    Waiting,
    /// Answered with 2xx.
    Delivered,
    /// Given up; may be redelivered by hand.
    Exhausted,
}

impl DeliveryState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Delivered, Self::Exhausted];

    /// The word that tables, metrics and the API use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Exhausted => "exhausted",
        }
    }
}

/// One event on its way to one endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// The endpoint.
    pub endpoint: EndpointId,
    /// The event; also the `webhook-id`.
    pub event: EventId,
    /// The event's kind.
    pub kind: EventKind,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: i32,
    /// The HTTP status of the last answer, when there was one.
    pub last_status: Option<u16>,
    /// Why the last try failed, in words without a body.
    pub last_error: Option<String>,
    /// When it is tried next, in real time.
    pub next_at: Option<DateTime<Utc>>,
    /// When the event happened.
    pub created_at: DateTime<Utc>,
}

/// What became of a wish to deliver again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedeliverOutcome {
    /// The delivery is due now.
    Due(Delivery),
    /// There is no such delivery.
    NotFound,
    /// The endpoint is switched off.
    Disabled,
}

/// Endpoints.
#[async_trait]
pub trait EndpointStore: Send + Sync {
    /// Adds an endpoint. An id that exists already is returned as it is: this very addition was made before.
    async fn add_endpoint(&self, endpoint: Endpoint) -> StoreResult<Endpoint>;

    /// The endpoints of a workspace by time of addition.
    async fn list_endpoints(&self, workspace: WorkspaceId) -> StoreResult<Vec<Endpoint>>;

    /// Switches an endpoint on again, whether or not it was off; `None` when there is none. What happened while it was off is not posted
    /// to it by itself: the event log has it.
    async fn enable_endpoint(&self, workspace: WorkspaceId, endpoint: EndpointId) -> StoreResult<Option<Endpoint>>;

    /// Removes an endpoint; `false` when there was none. Nothing is posted to it any more; what waits for it is removed by
    /// [`SweepStore::end_deliveries`](crate::sweep::SweepStore::end_deliveries).
    async fn remove_endpoint(&self, workspace: WorkspaceId, endpoint: EndpointId) -> StoreResult<bool>;

    /// The deliveries of an endpoint, newest first; `None` when there is no such endpoint.
    async fn list_deliveries(
        &self,
        workspace: WorkspaceId,
        endpoint: EndpointId,
        page: PageRequest,
    ) -> StoreResult<Option<Page<Delivery>>>;

    /// Makes a delivery due at once, its attempts counted from zero again.
    async fn redeliver(
        &self,
        workspace: WorkspaceId,
        endpoint: EndpointId,
        delivery: DeliveryId,
    ) -> StoreResult<RedeliverOutcome>;
}
