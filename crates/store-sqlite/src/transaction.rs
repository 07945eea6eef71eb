//! A transaction: the connection that writes. Its statements are the row port, one file for each topic.

use paceline_ledger::{Fallible, locks::Locked};
use sqlx::{Sqlite, SqliteConnection, query::Query, sqlite::SqliteArguments};

use crate::{bulk::BulkTexts, columns::Row, error::fault};

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

    /// Runs a statement that returns nothing.
    pub(crate) async fn run(&mut self, query: Bound<'_>) -> Fallible<()> {
        self.execute(query).await.map(|_| ())
    }

    /// Runs a statement that returns nothing; answers how many rows it changed.
    pub(crate) async fn execute(&mut self, query: Bound<'_>) -> Fallible<u64> {
        Ok(query.execute(&mut self.conn).await.map_err(fault)?.rows_affected())
    }

    /// Runs a statement that returns rows.
    pub(crate) async fn all(&mut self, query: Bound<'_>) -> Fallible<Vec<Row>> {
        Ok(query.fetch_all(&mut self.conn).await.map_err(fault)?.into_iter().map(Row).collect())
    }

    /// Runs a statement that returns at most one row.
    pub(crate) async fn one(&mut self, query: Bound<'_>) -> Fallible<Option<Row>> {
        Ok(query.fetch_optional(&mut self.conn).await.map_err(fault)?.map(Row))
    }

    /// Reads rows.
    pub(crate) async fn list<T, C: FromIterator<T>>(
        &mut self,
        query: Bound<'_>,
        read: impl Fn(&Row) -> Fallible<T> + Send,
    ) -> Fallible<C> {
        self.all(query).await?.iter().map(read).collect()
    }

    /// Reads rows that nobody else changes before the transaction ends.
    pub(crate) async fn lock<T>(
        &mut self,
        query: Bound<'_>,
        read: impl Fn(&Row) -> Fallible<T> + Send,
    ) -> Fallible<Vec<Locked<T>>> {
        self.list(query, move |row| read(row).map(Locked::new)).await
    }

    /// Reads the row, when there is one.
    pub(crate) async fn find<T>(
        &mut self,
        query: Bound<'_>,
        read: impl Fn(&Row) -> Fallible<T> + Send,
    ) -> Fallible<Option<T>> {
        self.one(query).await?.as_ref().map(read).transpose()
    }

    /// Whether there is a row.
    pub(crate) async fn has(&mut self, query: Bound<'_>) -> Fallible<bool> {
        Ok(self.one(query).await?.is_some())
    }
}
