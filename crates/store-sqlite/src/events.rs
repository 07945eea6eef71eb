//! The event log, and the one way into it. What the data of each kind hold is said by the port.
//!
//! A transaction notes its events; they and their webhook deliveries are written when it ends.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{DeliveryId, EndpointId, EventId, EventKind, WorkspaceId, kind};
use paceline_store::{
    StoreResult,
    events::{Event, EventStore},
};
use serde::Serialize;

use crate::{
    bulk::Bulk,
    cells::Cells,
    error::Fallible,
    open::SqliteStore,
    transaction::Tx,
    values::{blob, micros, real_now},
};

/// An event to write.
pub(crate) struct NewEvent {
    workspace: WorkspaceId,
    kind: EventKind,
    at: DateTime<Utc>,
    data: String,
}

impl NewEvent {
    /// An event of a workspace that happened `at` a campaign time.
    pub(crate) fn new(workspace: WorkspaceId, kind: EventKind, at: DateTime<Utc>, data: &impl Serialize) -> Self {
        // The data are structs of strings and numbers; serialising those has no way to fail.
        let data = serde_json::to_string(data).unwrap_or_else(|_| "{}".to_owned());
        Self { workspace, kind, at, data }
    }
}

/// A delivery to write.
struct NewDelivery {
    id: DeliveryId,
    workspace: WorkspaceId,
    endpoint: EndpointId,
    event_seq: i64,
}

/// An endpoint that may want an event.
struct Subscription {
    endpoint: EndpointId,
    workspace: WorkspaceId,
    events: Vec<EventKind>,
}

const WRITE_EVENTS: Bulk = Bulk {
    head: "INSERT INTO events (id, workspace_id, kind, at, data, recorded_at) VALUES",
    row: concat!("(?, ?, ?, ?, ?, ", real_now!(), ")"),
    tail: "",
};

const WRITE_DELIVERIES: Bulk = Bulk {
    head: "INSERT INTO webhook_deliveries (id, workspace_id, endpoint_id, event_seq, state, next_at) VALUES",
    row: concat!("(?, ?, ?, ?, 'waiting', ", real_now!(), ")"),
    tail: "",
};

impl Tx {
    /// Notes an event, after those that were noted before.
    pub(crate) fn event(&mut self, event: NewEvent) {
        self.event_at(usize::MAX, event);
    }

    /// Notes an event that belongs to the element at `place` of what the transaction was given, so that events are written
    /// in the order of their causes.
    pub(crate) fn event_at(&mut self, place: usize, event: NewEvent) {
        let next = self.events.len();
        self.events.insert((place, next), event);
    }

    /// Writes the events that were noted, with their deliveries.
    pub(crate) async fn flush_events(&mut self) -> Fallible<()> {
        if self.events.is_empty() {
            return Ok(());
        }
        let events: Vec<NewEvent> = std::mem::take(&mut self.events).into_values().collect();
        let ids: Vec<EventId> = events.iter().map(|event| self.mint::<kind::Event>(event.at)).collect();
        let rows: Vec<_> = ids.iter().zip(&events).collect();
        let done = WRITE_EVENTS
            .run(
                self,
                &rows,
                |_| {},
                |values, (id, event)| {
                    values.add(blob(**id)).add(blob(event.workspace)).add(event.kind.as_str());
                    values.add(micros(event.at)).add(event.data.as_str());
                },
            )
            .await?;
        let first = done.last + 1 - i64::try_from(events.len()).unwrap_or(0);
        self.write_deliveries(&events, first).await
    }

    async fn write_deliveries(&mut self, events: &[NewEvent], first_seq: i64) -> Fallible<()> {
        let subscriptions = self.list_subscriptions().await?;
        let mut deliveries = Vec::new();
        for (seq, event) in (first_seq..).zip(events) {
            for subscription in &subscriptions {
                let wanted = subscription.events.is_empty() || subscription.events.contains(&event.kind);
                if wanted && subscription.workspace == event.workspace {
                    let id = self.mint(event.at);
                    let endpoint = subscription.endpoint;
                    deliveries.push(NewDelivery { id, workspace: event.workspace, endpoint, event_seq: seq });
                }
            }
        }
        WRITE_DELIVERIES
            .run(
                self,
                &deliveries,
                |_| {},
                |values, delivery| {
                    values.add(blob(delivery.id)).add(blob(delivery.workspace));
                    values.add(blob(delivery.endpoint)).add(delivery.event_seq);
                },
            )
            .await?;
        Ok(())
    }

    async fn list_subscriptions(&mut self) -> Fallible<Vec<Subscription>> {
        let rows = self.all(sqlx::query("SELECT id, workspace_id, events FROM webhook_endpoints")).await?;
        rows.iter()
            .map(|row| {
                let cells = Cells::new("webhook_endpoints", row);
                let (endpoint, workspace) = (cells.id("id")?, cells.id("workspace_id")?);
                Ok(Subscription { endpoint, workspace, events: cells.json("events")? })
            })
            .collect()
    }

    /// Numbers events by moving the mark forward.
    async fn number_events(&mut self, limit: u32) -> Fallible<u64> {
        let counted = sqlx::query(
            "SELECT count(*) AS events, max(seq) AS last FROM \
                (SELECT seq FROM events WHERE seq > (SELECT numbered_through FROM event_numbering) ORDER BY seq LIMIT ?1)",
        );
        let Some(row) = self.one(counted.bind(limit)).await? else { return Ok(0) };
        let cells = Cells::new("events", &row);
        let Some(last) = cells.opt_number("last")? else { return Ok(0) };
        self.execute(sqlx::query("UPDATE event_numbering SET numbered_through = ?1").bind(last)).await?;
        cells.small("events")
    }
}

#[async_trait]
impl EventStore for SqliteStore {
    async fn number_events(&self, limit: u32) -> StoreResult<u64> {
        self.write(move |tx| Box::pin(tx.number_events(limit))).await
    }

    async fn list_events(&self, workspace: WorkspaceId, after: i64, limit: u32) -> StoreResult<Vec<Event>> {
        let query = sqlx::query(
            "SELECT seq, id, kind, at, data FROM events \
             WHERE workspace_id = ?1 AND seq > ?2 AND seq <= (SELECT numbered_through FROM event_numbering) \
             ORDER BY seq LIMIT ?3",
        );
        let rows = self.all(query.bind(blob(workspace)).bind(after).bind(limit)).await?;
        let event = |row| {
            let cells = Cells::new("events", row);
            let (id, sequence, kind) = (cells.id("id")?, cells.number("seq")?, cells.word("kind")?);
            Ok(Event { id, workspace, sequence, kind, at: cells.time("at")?, data: cells.json("data")? })
        };
        Ok(rows.iter().map(event).collect::<Fallible<_>>()?)
    }
}
