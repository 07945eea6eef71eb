//! The event log, and the one way into it. What the data of each kind hold is said by the port.
//!
//! A transaction notes its events; they and their webhook deliveries are written when it ends. Rows of the log are written
//! under a `seq`, in which a slower transaction may leave a gap that it fills later; the number that readers go by is
//! given to rows that are committed, by one numberer at a time.

use std::collections::BTreeSet;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{DeliveryId, EndpointId, EventId, EventKind, WorkspaceId};
use paceline_store::{
    StoreResult,
    events::{Event, EventStore},
};
use serde::Serialize;
use sqlx::types::Uuid;

use crate::{
    bulk::column,
    cells::Cells,
    error::Fallible,
    open::PostgresStore,
    transaction::Tx,
    values::{real_now, uuid, uuids},
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

/// Answers the rows in the order in which they are given.
const WRITE_EVENTS: &str = concat!(
    "INSERT INTO events (id, workspace_id, kind, at, data, recorded_at) \
     SELECT v.id, v.workspace_id, v.kind, v.at, v.data, ",
    real_now!(),
    " FROM UNNEST($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::text[]) \
        WITH ORDINALITY AS v (id, workspace_id, kind, at, data, place) ORDER BY v.place RETURNING seq"
);

const WRITE_DELIVERIES: &str = concat!(
    "INSERT INTO webhook_deliveries (id, workspace_id, endpoint_id, event_seq, state, next_at) \
     SELECT v.id, v.workspace_id, v.endpoint_id, v.event_seq, 'waiting', ",
    real_now!(),
    " FROM UNNEST($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[]) \
        WITH ORDINALITY AS v (id, workspace_id, endpoint_id, event_seq, place) ORDER BY v.place"
);

/// An SQL expression: the key of the lock on the endpoints of a workspace.
macro_rules! endpoints_lock {
    ($workspace:literal) => {
        concat!("hashtextextended('webhook_endpoints ' || ", $workspace, "::text, 0)")
    };
}
pub(crate) use endpoints_lock;

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
        let ids: Vec<Uuid> =
            events.iter().map(|event| uuid::<paceline_domain::kind::Event>(self.mint(event.at))).collect();
        let write = sqlx::query(WRITE_EVENTS)
            .bind(ids)
            .bind(column(&events, |event| uuid(event.workspace)))
            .bind(column(&events, |event| event.kind.as_str()))
            .bind(column(&events, |event| event.at))
            .bind(column(&events, |event| event.data.as_str()));
        let rows = self.all(write).await?;
        let seqs = rows.iter().map(|row| Cells::new("events", row).number("seq")).collect::<Fallible<Vec<_>>>()?;
        self.write_deliveries(&events, &seqs).await
    }

    async fn write_deliveries(&mut self, events: &[NewEvent], seqs: &[i64]) -> Fallible<()> {
        let workspaces: BTreeSet<WorkspaceId> = events.iter().map(|event| event.workspace).collect();
        let subscriptions = self.list_subscriptions(workspaces).await?;
        let mut deliveries = Vec::new();
        for (&event_seq, event) in seqs.iter().zip(events) {
            for subscription in &subscriptions {
                let wanted = subscription.events.is_empty() || subscription.events.contains(&event.kind);
                if wanted && subscription.workspace == event.workspace {
                    let (id, endpoint) = (self.mint(event.at), subscription.endpoint);
                    deliveries.push(NewDelivery { id, workspace: event.workspace, endpoint, event_seq });
                }
            }
        }
        if deliveries.is_empty() {
            return Ok(());
        }
        let write = sqlx::query(WRITE_DELIVERIES)
            .bind(column(&deliveries, |delivery| uuid(delivery.id)))
            .bind(column(&deliveries, |delivery| uuid(delivery.workspace)))
            .bind(column(&deliveries, |delivery| uuid(delivery.endpoint)))
            .bind(column(&deliveries, |delivery| delivery.event_seq));
        self.execute(write).await?;
        Ok(())
    }

    /// The endpoints of workspaces. Whoever removes one waits until what is being written for it is there to be removed too: an
    /// advisory lock, because a row that everyone shares starves those who want it alone.
    async fn list_subscriptions(&mut self, workspaces: BTreeSet<WorkspaceId>) -> Fallible<Vec<Subscription>> {
        let workspaces = uuids(workspaces);
        if self.read_subscriptions(&workspaces).await?.is_empty() {
            return Ok(Vec::new());
        }
        let share = sqlx::query(concat!(
            "SELECT pg_advisory_xact_lock_shared(",
            endpoints_lock!("workspace"),
            ") FROM UNNEST($1::uuid[]) AS workspace ORDER BY workspace"
        ));
        self.all(share.bind(&workspaces)).await?;
        self.read_subscriptions(&workspaces).await
    }

    async fn read_subscriptions(&mut self, workspaces: &[Uuid]) -> Fallible<Vec<Subscription>> {
        let query = sqlx::query(
            "SELECT id, workspace_id, events FROM webhook_endpoints WHERE workspace_id = ANY($1) ORDER BY id",
        );
        let rows = self.all(query.bind(workspaces)).await?;
        rows.iter()
            .map(|row| {
                let cells = Cells::new("webhook_endpoints", row);
                let (endpoint, workspace) = (cells.id("id")?, cells.id("workspace_id")?);
                Ok(Subscription { endpoint, workspace, events: cells.json("events")? })
            })
            .collect()
    }

    /// Whoever holds the row of the numbering is the one who numbers; to the others there is nothing to do. The statement that
    /// numbers is a later one, and so it sees what the numberer before it has done.
    async fn number_events(&mut self, limit: u32) -> Fallible<u64> {
        let hold = sqlx::query("SELECT numbered_through FROM event_numbering FOR UPDATE SKIP LOCKED");
        let Some(row) = self.one(hold).await? else { return Ok(0) };
        let through = Cells::new("event_numbering", &row).number("numbered_through")?;
        let number = sqlx::query(
            "UPDATE events SET number = $2 + n.place FROM \
                (SELECT f.seq, row_number() OVER (ORDER BY f.seq) AS place FROM \
                    (SELECT seq FROM events WHERE number IS NULL ORDER BY seq LIMIT $1) f) n \
             WHERE events.seq = n.seq",
        );
        let numbered = self.execute(number.bind(i64::from(limit)).bind(through)).await?;
        if numbered > 0 {
            let mark = sqlx::query("UPDATE event_numbering SET numbered_through = $1");
            self.execute(mark.bind(through + i64::try_from(numbered).unwrap_or(0))).await?;
        }
        Ok(numbered)
    }
}

#[async_trait]
impl EventStore for PostgresStore {
    async fn number_events(&self, limit: u32) -> StoreResult<u64> {
        // Asking costs no transaction while there is nothing to do.
        if self.one(sqlx::query("SELECT 1 FROM events WHERE number IS NULL LIMIT 1")).await?.is_none() {
            return Ok(0);
        }
        self.write(move |tx| Box::pin(tx.number_events(limit))).await
    }

    async fn list_events(&self, workspace: WorkspaceId, after: i64, limit: u32) -> StoreResult<Vec<Event>> {
        let query = sqlx::query(
            "SELECT seq, number, id, kind, at, data FROM events \
             WHERE workspace_id = $1 AND number IS NOT NULL AND number > $2 ORDER BY number LIMIT $3",
        );
        let rows = self.all(query.bind(uuid(workspace)).bind(after).bind(i64::from(limit))).await?;
        let event = |row| {
            let cells = Cells::new("events", row);
            let (id, sequence, kind): (EventId, _, _) = (cells.id("id")?, cells.number("number")?, cells.word("kind")?);
            Ok(Event { id, workspace, sequence, kind, at: cells.time("at")?, data: cells.json("data")? })
        };
        Ok(rows.iter().map(event).collect::<Fallible<_>>()?)
    }
}
