//! A transaction: a connection of its own, and the ways to run statements on it.
//!
//! READ COMMITTED: every statement sees what was committed before it began.

use std::{future::Future, time::Duration};

use paceline_ledger::{
    Fallible, Fault, Then,
    statements::{Statement, Texts, Writing},
};
use sqlx::{Executor as _, Postgres, pool::PoolConnection, postgres::PgArguments, query::Query};

use crate::{
    columns::Row,
    error::{fault, unavailable},
    open::Statements,
    statements::{TEXTS, bind},
};

/// A query whose values are bound.
pub(crate) type Bound<'q> = Query<'q, Postgres, PgArguments>;

/// A transaction. One that is dropped before its end takes its connection with it, and the server rolls it back.
pub(crate) struct Tx {
    /// Its connection.
    pub(crate) conn: PoolConnection<Postgres>,
    /// What the server calls the transaction, known once counters were written.
    pub(crate) name: Option<String>,
    patience: Duration,
    statements: Statements,
    /// Whether a statement has failed, after which PostgreSQL would roll back at a commit and call that a success.
    failed: bool,
    ended: bool,
}

impl Tx {
    /// A transaction that has begun on a connection. `patience` is how long any answer of the server is waited for.
    pub(crate) const fn new(conn: PoolConnection<Postgres>, patience: Duration, statements: Statements) -> Self {
        Self { conn, name: None, patience, statements, failed: false, ended: false }
    }

    /// Sends data to a `COPY … FROM STDIN`.
    pub(crate) async fn copy(&mut self, statement: &'static str, data: Vec<u8>) -> Fallible<()> {
        let conn = &mut *self.conn;
        let copying = async move {
            let mut copy = conn.copy_in_raw(statement).await?;
            copy.send(data).await?;
            copy.finish().await
        };
        let written = within(self.patience, copying).await;
        self.seen(written).map(|_| ())
    }

    /// Commits.
    pub(crate) async fn commit(&mut self) -> Fallible<()> {
        if self.failed {
            return Err(Fault::from(unavailable("a statement of the transaction failed")));
        }
        within(self.patience, self.conn.execute("COMMIT")).await?;
        self.ended = true;
        Ok(())
    }

    /// Rolls back, so that the connection may be used again. One that does not answer is closed.
    pub(crate) async fn roll_back(&mut self) {
        self.ended = within(self.patience, self.conn.execute("ROLLBACK")).await.is_ok();
    }

    fn seen<T>(&mut self, result: Fallible<T>) -> Fallible<T> {
        self.failed |= result.is_err();
        result
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
        let rows = within(self.patience, sent(query, self.statements).fetch_all(&mut *self.conn)).await;
        Ok(self.seen(rows)?.into_iter().map(Row).collect())
    }

    async fn one(&mut self, query: Self::Query<'_>) -> Fallible<Option<Row>> {
        let row = within(self.patience, sent(query, self.statements).fetch_optional(&mut *self.conn)).await;
        Ok(self.seen(row)?.map(Row))
    }

    async fn execute(&mut self, query: Self::Query<'_>) -> Fallible<u64> {
        let done = within(self.patience, sent(query, self.statements).execute(&mut *self.conn)).await;
        Ok(self.seen(done)?.rows_affected())
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        if !self.ended {
            self.conn.close_on_drop();
        }
    }
}

/// A query as it is to be sent. Without a cache the driver would name it all the same, and never forget the name.
pub(crate) fn sent(query: Bound<'_>, statements: Statements) -> Bound<'_> {
    query.persistent(statements == Statements::Prepared)
}

/// What the server answers, unless it does not: a connection whose other end has vanished never breaks by itself.
pub(crate) async fn within<T>(patience: Duration, answer: impl Future<Output = Result<T, sqlx::Error>>) -> Fallible<T> {
    match tokio::time::timeout(patience, answer).await {
        Ok(answered) => answered.map_err(fault),
        Err(_) => Err(Fault { error: unavailable("the database does not answer"), then: Then::Close }),
    }
}
