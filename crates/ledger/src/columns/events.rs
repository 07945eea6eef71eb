//! The event log.

use paceline_domain::{EventId, WorkspaceId};
use paceline_store::events::Event;

use crate::{
    Fallible,
    columns::{Cells, Columns},
    rows::Subscription,
};

/// An event of a workspace; `number` is the column that readers go by.
pub fn event<R: Columns>(workspace: WorkspaceId, number: &'static str) -> impl Fn(&R) -> Fallible<Event> {
    move |row| {
        let cells = Cells::new("events", row);
        let (id, sequence, kind): (EventId, _, _) = (cells.id("id")?, cells.number(number)?, cells.word("kind")?);
        Ok(Event { id, workspace, sequence, kind, at: cells.time("at")?, data: cells.json("data")? })
    }
}

/// What an endpoint wants to be told.
pub fn subscription<R: Columns>(row: &R) -> Fallible<Subscription> {
    let cells = Cells::new("webhook_endpoints", row);
    let (endpoint, workspace) = (cells.id("id")?, cells.id("workspace_id")?);
    Ok(Subscription { endpoint, workspace, events: cells.json("events")? })
}

/// Collects from a page of the oldest events those that are `old` and not `wanted` by a delivery, until there are `limit`. Answers the
/// last event of the page; `None` when no later one needs to be looked at, because one was too young or there are enough.
pub fn unwanted_events<R: Columns>(page: &[R], limit: usize, unwanted: &mut Vec<i64>) -> Fallible<Option<i64>> {
    let mut last = None;
    for row in page {
        let cells = Cells::new("events", row);
        let seq = cells.number("seq")?;
        if unwanted.len() == limit || !cells.flag("old").is_ok_and(|old| old) {
            return Ok(None);
        }
        last = Some(seq);
        if !cells.flag("wanted")? {
            unwanted.push(seq);
        }
    }
    Ok(last)
}
