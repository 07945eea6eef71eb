//! The event log and the deliveries that its events cause.
//!
//! Transactions are alone, so that the order of writing is that of the commits, and an event's number is that of its row.

use std::ops::Bound;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{EventId, EventKind, WorkspaceId};
use paceline_ledger::{
    Fallible, Fault,
    locks::Line,
    rows::{DeliveryWrite, EventReads, EventRows, EventWrite, Subscription},
};
use paceline_store::{StoreError, events::Event};

use super::{Memory, Tables};

/// An event.
#[derive(Debug, Clone)]
pub(crate) struct EventEntry {
    pub(super) id: EventId,
    workspace: WorkspaceId,
    pub(crate) kind: EventKind,
    pub(super) at: DateTime<Utc>,
    data: String,
    pub(super) recorded_at: DateTime<Utc>,
}

impl EventEntry {
    /// The details.
    pub(super) fn data(&self) -> Fallible<serde_json::Value> {
        let corrupt = |_| StoreError::Corrupt { table: "events", column: "data", row: self.id.to_string() };
        serde_json::from_str(&self.data).map_err(|error| Fault::from(corrupt(error)))
    }
}

impl Tables {
    /// The last row that has a number.
    pub(super) fn numbered(&self) -> i64 {
        self.numbered_through.get(&()).copied().unwrap_or(0)
    }

    /// The rows without a number.
    pub(super) fn unnumbered(&self) -> impl Iterator<Item = i64> {
        self.events.range((Bound::Excluded(self.numbered()), Bound::Unbounded)).map(|(seq, _)| *seq)
    }
}

#[async_trait]
impl EventRows for Tables {
    async fn add_events(&mut self, events: &[EventWrite]) -> Fallible<Vec<i64>> {
        let mut seqs = Vec::with_capacity(events.len());
        for EventWrite { id, workspace, kind, at, data } in events.iter().cloned() {
            let seq = self.next_seq();
            self.events.put(seq, EventEntry { id, workspace, kind, at, data, recorded_at: self.now });
            seqs.push(seq);
        }
        Ok(seqs)
    }

    async fn keep_subscriptions(&mut self, workspaces: &[WorkspaceId]) -> Fallible<Vec<Subscription>> {
        self.wait_for(Line::Endpoints);
        let is_told = |endpoint: &&paceline_store::endpoints::Endpoint| {
            workspaces.contains(&endpoint.workspace) && endpoint.disabled.is_none()
        };
        let theirs = self.endpoints.values().filter(is_told);
        let subscription = |endpoint: &paceline_store::endpoints::Endpoint| Subscription {
            endpoint: endpoint.id,
            workspace: endpoint.workspace,
            events: endpoint.events.clone(),
        };
        Ok(theirs.map(subscription).collect())
    }

    async fn add_deliveries(&mut self, deliveries: &[DeliveryWrite]) -> Fallible<()> {
        for delivery in deliveries {
            let seq = self.next_seq();
            self.deliveries.add(seq, *delivery, self.now);
        }
        Ok(())
    }

    async fn number_events(&mut self, limit: u32) -> Fallible<u64> {
        let next: Vec<i64> = self.unnumbered().take(limit as usize).collect();
        if let Some(last) = next.last() {
            self.numbered_through.put((), *last);
        }
        Ok(u64::try_from(next.len()).unwrap_or(u64::MAX))
    }
}

#[async_trait]
impl EventReads for Memory {
    async fn has_unnumbered_events(&self) -> Fallible<bool> {
        Ok(self.read().await?.unnumbered().next().is_some())
    }

    async fn last_event(&self) -> Fallible<i64> {
        Ok(self.read().await?.numbered())
    }

    async fn list_events(&self, workspace: WorkspaceId, after: i64, limit: u32) -> Fallible<Vec<Event>> {
        let tables = self.read().await?;
        let numbered = tables.numbered();
        let events = tables.events.range((Bound::Excluded(after), Bound::Unbounded));
        let readable =
            events.take_while(|(seq, _)| **seq <= numbered).filter(|(_, event)| event.workspace == workspace);
        let view = |(&sequence, event): (&i64, &EventEntry)| {
            let EventEntry { id, kind, at, .. } = *event;
            Ok(Event { id, workspace, sequence, kind, at, data: event.data()? })
        };
        readable.take(limit as usize).map(view).collect()
    }
}
