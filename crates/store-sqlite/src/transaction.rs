//! A transaction: the connection that writes. Its statements are the row port, one file for each topic.

use paceline_ledger::{
    Fallible,
    statements::{Statement, Texts, Writing},
};
use sqlx::{Sqlite, SqliteConnection, query::Query, sqlite::SqliteArguments};

use crate::{
    bulk::BulkTexts,
    columns::Row,
    error::fault,
    statements::{TEXTS, bind},
};

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
}

impl Writing for Tx {
    type Row = Row;
    type Query<'q> = Bound<'q>;
    const TEXTS: &'static Texts = &TEXTS;

    fn bound(statement: Statement<'_>) -> Bound<'_> {
        statement.values.into_iter().fold(sqlx::query(statement.text), bind)
    }

    async fn all(&mut self, query: Self::Query<'_>) -> Fallible<Vec<Row>> {
        Ok(query.fetch_all(&mut self.conn).await.map_err(fault)?.into_iter().map(Row).collect())
    }

    async fn one(&mut self, query: Self::Query<'_>) -> Fallible<Option<Row>> {
        Ok(query.fetch_optional(&mut self.conn).await.map_err(fault)?.map(Row))
    }

    async fn execute(&mut self, query: Self::Query<'_>) -> Fallible<u64> {
        Ok(query.execute(&mut self.conn).await.map_err(fault)?.rows_affected())
    }
}
