//! A transaction: the writer's connection, and what is noted to be written with it when it ends.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};
use paceline_domain::{Id, IdKind, Minter};
use sqlx::{
    Sqlite, SqliteConnection,
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};

use crate::{bulk::BulkTexts, counters::Deltas, error::Fallible, events::NewEvent};

/// A query whose values are bound.
pub(crate) type Bound<'q> = Query<'q, Sqlite, SqliteArguments>;

/// A transaction.
pub(crate) struct Tx {
    /// The one connection that writes.
    pub(crate) conn: SqliteConnection,
    /// See [`BulkTexts`].
    pub(crate) texts: BulkTexts,
    /// Changes of counters that are not written yet.
    pub(crate) deltas: Deltas,
    /// Events that are not written yet, with the place that each takes among its transaction's.
    pub(crate) events: BTreeMap<(usize, usize), NewEvent>,
    minter: Arc<Minter>,
}

impl Tx {
    /// Transactions over a connection.
    pub(crate) fn new(conn: SqliteConnection, minter: Arc<Minter>) -> Self {
        Self { conn, texts: BulkTexts::default(), deltas: Deltas::default(), events: BTreeMap::new(), minter }
    }

    /// A new id.
    pub(crate) fn mint<K: IdKind>(&self, now: DateTime<Utc>) -> Id<K> {
        self.minter.mint(now)
    }

    /// Runs a statement that returns nothing; answers how many rows it changed.
    pub(crate) async fn execute(&mut self, query: Bound<'_>) -> Fallible<u64> {
        Ok(query.execute(&mut self.conn).await?.rows_affected())
    }

    /// Runs a statement that returns rows.
    pub(crate) async fn all(&mut self, query: Bound<'_>) -> Fallible<Vec<SqliteRow>> {
        Ok(query.fetch_all(&mut self.conn).await?)
    }

    /// Runs a statement that returns at most one row.
    pub(crate) async fn one(&mut self, query: Bound<'_>) -> Fallible<Option<SqliteRow>> {
        Ok(query.fetch_optional(&mut self.conn).await?)
    }

    /// Writes the counters and events that were noted. The writer does so at the end of every transaction; one that reads
    /// counters after changing them does it before.
    pub(crate) async fn flush(&mut self) -> Fallible<()> {
        self.flush_counters().await?;
        self.flush_events().await
    }

    /// Forgets what was noted: its transaction was rolled back.
    pub(crate) fn forget(&mut self) {
        self.deltas.clear();
        self.events.clear();
    }
}
