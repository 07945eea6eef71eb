//! The event log and the deliveries that its events cause.
//!
//! With a single writer the order of writing is the order of commits: events are numbered by moving one mark forward.

use crate::prelude::*;

const ADD_EVENTS: Bulk = Bulk {
    head: "INSERT INTO events (id, workspace_id, kind, at, data, recorded_at) VALUES",
    row: concat!("(?, ?, ?, ?, ?, ", real_now!(), ")"),
    tail: "",
};

const ADD_DELIVERIES: Bulk = Bulk {
    head: "INSERT INTO webhook_deliveries (id, workspace_id, endpoint_id, event_seq, state, next_at) VALUES",
    row: concat!("(?, ?, ?, ?, 'waiting', ", real_now!(), ")"),
    tail: "",
};

#[async_trait]
impl EventRows for Tx {
    async fn add_events(&mut self, events: &[EventWrite]) -> Fallible<Vec<i64>> {
        let done = ADD_EVENTS
            .run(
                self,
                events,
                |_| {},
                |values, event| {
                    values.add(blob(event.id)).add(blob(event.workspace)).add(event.kind.as_str());
                    values.add(micros(event.at)).add(event.data.as_str());
                },
            )
            .await?;
        // With one writer, rows written together follow each other.
        let first = done.last + 1 - i64::try_from(events.len()).unwrap_or(0);
        Ok((first..=done.last).collect())
    }

    async fn keep_subscriptions(&mut self, workspaces: &[WorkspaceId]) -> Fallible<Vec<Subscription>> {
        let query = sqlx::query(
            "SELECT w.id, w.workspace_id, w.events FROM json_each(?1) j \
             CROSS JOIN webhook_endpoints w ON w.workspace_id = unhex(j.value) WHERE w.disabled_at IS NULL ORDER BY w.id",
        );
        self.list(query.bind(json_ids(workspaces.iter().copied())), columns::subscription).await
    }

    async fn add_deliveries(&mut self, deliveries: &[DeliveryWrite]) -> Fallible<()> {
        ADD_DELIVERIES
            .write(self, deliveries, |values, delivery| {
                values.add(blob(delivery.id)).add(blob(delivery.workspace));
                values.add(blob(delivery.endpoint)).add(delivery.event_seq);
            })
            .await
    }

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

/// The texts.
pub(crate) const TEXTS: EventTexts = EventTexts {
    has_unnumbered: "SELECT seq FROM events WHERE seq > (SELECT numbered_through FROM event_numbering) ORDER BY seq LIMIT 1",
    list: "SELECT seq, id, kind, at, data FROM events \
             WHERE workspace_id = ?1 AND seq > ?2 AND seq <= (SELECT numbered_through FROM event_numbering) \
             ORDER BY seq LIMIT ?3",
    number: "seq",
};
