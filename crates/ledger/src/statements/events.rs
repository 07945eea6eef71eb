//! The event log, outside of transactions.

use async_trait::async_trait;
use paceline_domain::WorkspaceId;
use paceline_store::events::Event;

use crate::{
    Fallible, columns,
    rows::EventReads,
    statements::{Reading, Statement, find, list},
};

const LAST: &str = "SELECT numbered_through FROM event_numbering";

/// The texts.
#[derive(Debug)]
pub struct EventTexts {
    /// Whether an event has no number yet.
    pub has_unnumbered: &'static str,
    /// The events of a workspace: workspace, after which, how many.
    pub list: &'static str,
    /// The column of an event's number.
    pub number: &'static str,
}

#[async_trait]
impl<D: Reading> EventReads for D {
    async fn has_unnumbered_events(&self) -> Fallible<bool> {
        Ok(self.row(Statement::new(D::TEXTS.events.has_unnumbered)).await?.is_some())
    }

    async fn last_event(&self) -> Fallible<i64> {
        let last = columns::number("event_numbering", "numbered_through");
        Ok(find(self, Statement::new(LAST), last).await?.unwrap_or(0))
    }

    async fn list_events(&self, workspace: WorkspaceId, after: i64, limit: u32) -> Fallible<Vec<Event>> {
        let page = Statement::new(D::TEXTS.events.list).with(workspace).with(after).with(limit);
        list(self, page, columns::event(workspace, D::TEXTS.events.number)).await
    }
}
