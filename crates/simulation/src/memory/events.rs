//! Events and their numbering.

use chrono::{DateTime, Utc};
use paceline_domain::{EventId, EventKind, WorkspaceId};
use paceline_store::events::Event;

use super::{EventRow, Memory};

impl Memory {
    /// Notes an event in the present transaction.
    pub(crate) fn add_event(&mut self, kind: EventKind, at: DateTime<Utc>) {
        self.events.push(EventRow { kind, at, number: None });
    }

    /// Numbers events that have no number, in the order of their commits.
    pub(crate) fn number_events(&mut self, limit: u32) -> u64 {
        let first = usize::try_from(self.numbered).unwrap_or(usize::MAX);
        let mut count = 0;
        for event in self.events.iter_mut().skip(first).take(limit as usize) {
            self.numbered += 1;
            event.number = Some(self.numbered);
            count += 1;
        }
        count
    }

    /// The numbered events of a workspace after a number. What they tell is not kept: the oracle looks at the rows.
    pub(crate) fn list_events(&self, workspace: WorkspaceId, after: i64, limit: u32) -> Vec<Event> {
        let event = |row: &EventRow| {
            let sequence = row.number.filter(|&number| number > after)?;
            let entropy: [u8; 10] =
                std::array::from_fn(|place| sequence.to_be_bytes().get(place).copied().unwrap_or(0));
            let id = EventId::from_parts(row.at, entropy);
            Some(Event { id, workspace, sequence, kind: row.kind, at: row.at, data: serde_json::Value::Null })
        };
        let numbered = self.events.iter().filter(|_| workspace == self.workspace).filter_map(event);
        numbered.take(limit as usize).collect()
    }
}
