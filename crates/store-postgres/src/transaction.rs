//! A transaction: a connection of its own, and what is noted to be written with it when it ends.
//!
//! READ COMMITTED: every statement sees what was committed before it began. So what a transaction decides by, it locks first
//! and reads in a later statement.

use std::{collections::BTreeMap, future::Future, pin::Pin, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use paceline_domain::{Id, IdKind, Minter};
use sqlx::{
    Executor as _, Postgres,
    pool::PoolConnection,
    postgres::{PgArguments, PgRow},
    query::Query,
};

use crate::{
    counters::Deltas,
    error::{Fallible, Fault, Then, unavailable},
    events::NewEvent,
    open::Statements,
};

/// A query whose values are bound.
pub(crate) type Bound<'q> = Query<'q, Postgres, PgArguments>;

/// The steps of a transaction, running.
pub(crate) type Steps<'t, T> = Pin<Box<dyn Future<Output = Fallible<T>> + Send + 't>>;

/// A transaction. One that is dropped before its end takes its connection with it, and the server rolls it back.
pub(crate) struct Tx {
    /// Its connection.
    pub(crate) conn: PoolConnection<Postgres>,
    /// Changes of counters that are not written yet.
    pub(crate) deltas: Deltas,
    /// Events that are not written yet, with the place that each takes among its transaction's.
    pub(crate) events: BTreeMap<(usize, usize), NewEvent>,
    /// What the server calls the transaction, known once counters were written.
    pub(crate) name: Option<String>,
    minter: Arc<Minter>,
    patience: Duration,
    statements: Statements,
    /// Whether a statement has failed, after which PostgreSQL would roll back at a commit and call that a success.
    failed: bool,
    ended: bool,
}

impl Tx {
    /// A transaction that has begun on a connection. `patience` is how long any answer of the server is waited for.
    pub(crate) fn new(
        conn: PoolConnection<Postgres>,
        minter: Arc<Minter>,
        patience: Duration,
        statements: Statements,
    ) -> Self {
        Self {
            conn,
            deltas: Deltas::default(),
            events: BTreeMap::new(),
            name: None,
            minter,
            patience,
            statements,
            failed: false,
            ended: false,
        }
    }

    /// A new id.
    pub(crate) fn mint<K: IdKind>(&self, now: DateTime<Utc>) -> Id<K> {
        self.minter.mint(now)
    }

    /// Runs a statement that returns nothing; answers how many rows it changed.
    pub(crate) async fn execute(&mut self, query: Bound<'_>) -> Fallible<u64> {
        let done = within(self.patience, sent(query, self.statements).execute(&mut *self.conn)).await;
        Ok(self.seen(done)?.rows_affected())
    }

    /// Runs a statement that returns rows.
    pub(crate) async fn all(&mut self, query: Bound<'_>) -> Fallible<Vec<PgRow>> {
        let rows = within(self.patience, sent(query, self.statements).fetch_all(&mut *self.conn)).await;
        self.seen(rows)
    }

    /// Runs a statement that returns at most one row.
    pub(crate) async fn one(&mut self, query: Bound<'_>) -> Fallible<Option<PgRow>> {
        let row = within(self.patience, sent(query, self.statements).fetch_optional(&mut *self.conn)).await;
        self.seen(row)
    }

    /// Sends data to a `COPY … FROM STDIN`; answers how many rows were written.
    pub(crate) async fn copy(&mut self, statement: &'static str, data: Vec<u8>) -> Fallible<u64> {
        let conn = &mut *self.conn;
        let copying = async move {
            let mut copy = conn.copy_in_raw(statement).await?;
            copy.send(data).await?;
            copy.finish().await
        };
        let written = within(self.patience, copying).await;
        self.seen(written)
    }

    /// Writes the counters and events that were noted. This happens at the end of every transaction; one that reads counters
    /// after changing them does it before. Counters last: their rows are those that most transactions want.
    pub(crate) async fn flush(&mut self) -> Fallible<()> {
        self.flush_events().await?;
        self.flush_counters().await
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
        Ok(answered) => Ok(answered?),
        Err(_) => Err(Fault { error: unavailable("the database does not answer"), then: Then::Close }),
    }
}
