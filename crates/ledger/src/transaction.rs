//! A transaction of the ledger: the rows, and what is noted to be written with them when it ends.
//!
//! Events and counters are noted while a transaction goes on and written once, just before its commit: so the account balances by
//! construction, no state changes without its event, and counters, which everybody changes, are locked for the shortest time.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use paceline_domain::{Id, IdKind, Minter};

use crate::{Fallible, counters::Counters, events::Events, rows::Rows};

/// A transaction.
pub(crate) struct Tx<'t> {
    /// The rows.
    pub(crate) rows: &'t mut dyn Rows,
    /// Changes of counters.
    pub(crate) counters: Counters,
    /// Events.
    pub(crate) events: Events,
    minter: Arc<Minter>,
}

impl<'t> Tx<'t> {
    /// A transaction that has begun.
    pub(crate) fn new(rows: &'t mut dyn Rows, minter: Arc<Minter>) -> Self {
        Self { rows, counters: Counters::default(), events: Events::default(), minter }
    }

    /// A new id.
    pub(crate) fn mint<K: IdKind>(&self, now: DateTime<Utc>) -> Id<K> {
        self.minter.mint(now)
    }

    /// Writes what was noted.
    pub(crate) async fn flush(&mut self) -> Fallible<()> {
        self.events.flush(self.rows, &self.minter).await?;
        self.counters.flush(self.rows).await
    }
}
