//! The event log and the deliveries that its events cause.
//!
//! Rows of the log are written under a `seq`, in which a slower transaction may leave a gap that it fills later; the number that
//! readers go by is given to rows that are committed, by one numberer at a time.

use sqlx::types::Uuid;

use crate::prelude::*;

/// Answers the rows in the order in which they are given.
const ADD_EVENTS: &str = concat!(
    "INSERT INTO events (id, workspace_id, kind, at, data, recorded_at) \
     SELECT v.id, v.workspace_id, v.kind, v.at, v.data, ",
    real_now!(),
    " FROM UNNEST($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::text[]) \
        WITH ORDINALITY AS v (id, workspace_id, kind, at, data, place) ORDER BY v.place RETURNING seq"
);

const ADD_DELIVERIES: &str = concat!(
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

#[async_trait]
impl EventRows for Tx {
    async fn add_events(&mut self, events: &[EventWrite]) -> Fallible<Vec<i64>> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let add = sqlx::query(ADD_EVENTS)
            .bind(column(events, |event| uuid(event.id)))
            .bind(column(events, |event| uuid(event.workspace)))
            .bind(column(events, |event| event.kind.as_str()))
            .bind(column(events, |event| event.at))
            .bind(column(events, |event| event.data.as_str()));
        self.list(add, columns::number("events", "seq")).await
    }

    /// Whoever removes an endpoint waits until what is being written for it is there to be removed too: an advisory lock, because a
    /// row that everyone shares starves those who want it alone. Where there is no endpoint there is nothing to lock.
    async fn keep_subscriptions(&mut self, workspaces: &[WorkspaceId]) -> Fallible<Vec<Subscription>> {
        let workspaces = uuids(workspaces.iter().copied());
        if workspaces.is_empty() || self.list_subscriptions(&workspaces).await?.is_empty() {
            return Ok(Vec::new());
        }
        let share = sqlx::query(concat!(
            "SELECT pg_advisory_xact_lock_shared(",
            endpoints_lock!("workspace"),
            ") FROM UNNEST($1::uuid[]) AS workspace ORDER BY workspace"
        ));
        self.run(share.bind(&workspaces)).await?;
        self.list_subscriptions(&workspaces).await
    }

    async fn add_deliveries(&mut self, deliveries: &[DeliveryWrite]) -> Fallible<()> {
        if deliveries.is_empty() {
            return Ok(());
        }
        let add = sqlx::query(ADD_DELIVERIES)
            .bind(column(deliveries, |delivery| uuid(delivery.id)))
            .bind(column(deliveries, |delivery| uuid(delivery.workspace)))
            .bind(column(deliveries, |delivery| uuid(delivery.endpoint)))
            .bind(column(deliveries, |delivery| delivery.event_seq));
        self.run(add).await
    }

    /// Whoever holds the row of the numbering is the one who numbers; to the others there is nothing to do. The statement that
    /// numbers is a later one, and so it sees what the numberer before it has done.
    async fn number_events(&mut self, limit: u32) -> Fallible<u64> {
        let hold = sqlx::query("SELECT numbered_through FROM event_numbering FOR UPDATE SKIP LOCKED");
        let through = self.find(hold, columns::number("event_numbering", "numbered_through")).await?;
        let Some(through) = through else { return Ok(0) };
        let number = sqlx::query(
            "UPDATE events SET number = $2 + n.place FROM \
                (SELECT f.seq, row_number() OVER (ORDER BY f.seq) AS place FROM \
                    (SELECT seq FROM events WHERE number IS NULL ORDER BY seq LIMIT $1) f) n \
             WHERE events.seq = n.seq",
        );
        let numbered = self.execute(number.bind(i64::from(limit)).bind(through)).await?;
        if numbered > 0 {
            let mark = sqlx::query("UPDATE event_numbering SET numbered_through = $1");
            self.run(mark.bind(through + i64::try_from(numbered).unwrap_or(0))).await?;
        }
        Ok(numbered)
    }
}

impl Tx {
    async fn list_subscriptions(&mut self, workspaces: &[Uuid]) -> Fallible<Vec<Subscription>> {
        let query = sqlx::query(
            "SELECT id, workspace_id, events FROM webhook_endpoints \
             WHERE workspace_id = ANY($1) AND disabled_at IS NULL ORDER BY id",
        );
        self.list(query.bind(workspaces), columns::subscription).await
    }
}

/// The texts.
pub(crate) const TEXTS: EventTexts = EventTexts {
    has_unnumbered: "SELECT 1 FROM events WHERE number IS NULL LIMIT 1",
    list: "SELECT seq, number, id, kind, at, data FROM events \
             WHERE workspace_id = $1 AND number IS NOT NULL AND number > $2 ORDER BY number LIMIT $3",
    number: "number",
};
