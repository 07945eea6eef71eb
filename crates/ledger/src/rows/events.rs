//! The event log and the deliveries that its events cause.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{DeliveryId, EndpointId, EventId, EventKind, WorkspaceId};
use paceline_store::events::Event;

use crate::Fallible;

/// An event to write.
#[derive(Debug, Clone)]
pub struct EventWrite {
    /// The event.
    pub id: EventId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub at: DateTime<Utc>,
    /// Its data, as JSON.
    pub data: String,
}

/// A delivery to write: due now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryWrite {
    /// The delivery.
    pub id: DeliveryId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// Where to.
    pub endpoint: EndpointId,
    /// The row of the event.
    pub event_seq: i64,
}

/// What an endpoint wants to hear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// The kinds of events; none: all.
    pub events: Vec<EventKind>,
}

/// Statements of a transaction.
#[async_trait]
pub trait EventRows {
    /// Writes events in order. Answers their rows.
    async fn add_events(&mut self, events: &[EventWrite]) -> Fallible<Vec<i64>>;

    /// The endpoints of workspaces that are not switched off, with what they want to hear, by id. None of them is removed before this
    /// transaction ends.
    async fn keep_subscriptions(&mut self, workspaces: &[WorkspaceId]) -> Fallible<Vec<Subscription>>;

    /// Writes deliveries in order.
    async fn add_deliveries(&mut self, deliveries: &[DeliveryWrite]) -> Fallible<()>;

    /// Gives the next numbers to committed events without one, in the order of their rows; nothing while another transaction does.
    /// Answers how many.
    async fn number_events(&mut self, limit: u32) -> Fallible<u64>;
}

/// Statements outside of transactions.
#[async_trait]
pub trait EventReads {
    /// Whether any event has no number yet.
    async fn has_unnumbered_events(&self) -> Fallible<bool>;

    /// The last number that was given; 0 when none was.
    async fn last_event(&self) -> Fallible<i64>;

    /// Events of a workspace by number, after one.
    async fn list_events(&self, workspace: WorkspaceId, after: i64, limit: u32) -> Fallible<Vec<Event>>;
}
