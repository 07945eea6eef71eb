//! A transaction: the connection that writes. Its statements are the row port, one file for each topic.

use paceline_ledger::Fallible;
use sqlx::{
    Sqlite, SqliteConnection,
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};

use crate::{bulk::BulkTexts, error::fault};

/// A query whose values are bound.
pub(crate) type Bound<'q> = Query<'q, Sqlite, SqliteArguments>;

/// A transaction. Nobody else writes before it ends, so that nothing that it has read needs a lock.
pub(crate) struct Tx {
    /// The one connection that writes.
    pub(crate) conn: SqliteConnection,
    /// See [`BulkTexts`].
    pub(crate) texts: BulkTexts,
}

impl Tx {
    /// Transactions over a connection.
    pub(crate) fn new(conn: SqliteConnection) -> Self {
        Self { conn, texts: BulkTexts::default() }
    }

    /// Runs a statement that returns nothing; answers how many rows it changed.
    pub(crate) async fn execute(&mut self, query: Bound<'_>) -> Fallible<u64> {
        Ok(query.execute(&mut self.conn).await.map_err(fault)?.rows_affected())
    }

    /// Runs a statement that returns rows.
    pub(crate) async fn all(&mut self, query: Bound<'_>) -> Fallible<Vec<SqliteRow>> {
        query.fetch_all(&mut self.conn).await.map_err(fault)
    }

    /// Runs a statement that returns at most one row.
    pub(crate) async fn one(&mut self, query: Bound<'_>) -> Fallible<Option<SqliteRow>> {
        query.fetch_optional(&mut self.conn).await.map_err(fault)
    }
}
