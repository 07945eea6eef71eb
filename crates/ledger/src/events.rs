//! The event log, and the one way into it. What the data of each kind hold is said by the port.
//!
//! A transaction notes its events; they and their webhook deliveries are written when it ends. Rows of the log are written under a
//! `seq`, in which a slower transaction may leave a gap that it fills later; the number that readers go by is given to rows that are
//! committed, by one numberer at a time.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{EndpointId, EventKind, Minter, WorkspaceId};
use paceline_store::{
    StoreResult,
    events::{Event, EventStore},
};
use serde::Serialize;

use crate::{
    Database, Fallible, Ledger,
    rows::{DeliveryWrite, EventWrite, Rows},
};

/// An event that is to be written.
#[derive(Debug)]
pub(crate) struct NewEvent {
    workspace: WorkspaceId,
    kind: EventKind,
    at: DateTime<Utc>,
    data: String,
    /// The endpoint that it is about, and to which it is not delivered.
    about: Option<EndpointId>,
}

impl NewEvent {
    /// An event with its data.
    pub(crate) fn new(workspace: WorkspaceId, kind: EventKind, at: DateTime<Utc>, data: &impl Serialize) -> Self {
        // The data are structs of strings and numbers; serialising those has no way to fail.
        let data = serde_json::to_string(data).unwrap_or_else(|_| "{}".to_owned());
        Self { workspace, kind, at, data, about: None }
    }

    /// The same about an endpoint: it is delivered to the others only.
    pub(crate) fn about(mut self, endpoint: EndpointId) -> Self {
        self.about = Some(endpoint);
        self
    }
}

/// Events that are noted, with the place that each takes among its transaction's.
#[derive(Debug, Default)]
pub(crate) struct Events(BTreeMap<(usize, usize), NewEvent>);

impl Events {
    /// Notes an event, after those that were noted before.
    pub(crate) fn add(&mut self, event: NewEvent) {
        self.add_at(usize::MAX, event);
    }

    /// Notes an event that belongs to the element at `place` of what the transaction was given, so that events are written in the order
    /// of their causes.
    pub(crate) fn add_at(&mut self, place: usize, event: NewEvent) {
        let next = self.0.len();
        self.0.insert((place, next), event);
    }

    /// Writes the events that were noted, with their deliveries.
    pub(crate) async fn flush(&mut self, rows: &mut dyn Rows, minter: &Minter) -> Fallible<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let write = |NewEvent { workspace, kind, at, data, about }| {
            (EventWrite { id: minter.mint(at), workspace, kind, at, data }, about)
        };
        let (events, subjects): (Vec<EventWrite>, Vec<Option<EndpointId>>) =
            std::mem::take(&mut self.0).into_values().map(write).unzip();
        let seqs = rows.add_events(&events).await?;
        let workspaces: BTreeSet<WorkspaceId> = events.iter().map(|event| event.workspace).collect();
        let workspaces: Vec<WorkspaceId> = workspaces.into_iter().collect();
        let subscriptions = rows.keep_subscriptions(&workspaces).await?;
        let mut deliveries = Vec::new();
        for ((&event_seq, event), about) in seqs.iter().zip(&events).zip(subjects) {
            for subscription in subscriptions.iter().filter(|it| Some(it.endpoint) != about) {
                let is_wanted = subscription.events.is_empty() || subscription.events.contains(&event.kind);
                if is_wanted && subscription.workspace == event.workspace {
                    let (id, endpoint) = (minter.mint(event.at), subscription.endpoint);
                    deliveries.push(DeliveryWrite { id, workspace: event.workspace, endpoint, event_seq });
                }
            }
        }
        if deliveries.is_empty() { Ok(()) } else { rows.add_deliveries(&deliveries).await }
    }
}

#[async_trait]
impl<D: Database> EventStore for Ledger<D> {
    async fn number_events(&self, limit: u32) -> StoreResult<u64> {
        // Asking costs no transaction while there is nothing to do.
        if !self.database.has_unnumbered_events().await? {
            return Ok(0);
        }
        self.write(move |tx| Box::pin(async move { tx.rows.number_events(limit).await })).await
    }

    async fn last_event(&self) -> StoreResult<i64> {
        Ok(self.database.last_event().await?)
    }

    async fn list_events(&self, workspace: WorkspaceId, after: i64, limit: u32) -> StoreResult<Vec<Event>> {
        Ok(self.database.list_events(workspace, after, limit).await?)
    }
}
