//! The pool of connections, and the two ways to use it: a transaction that writes, and one statement that reads.
//!
//! Nothing is kept in a session, so that a connection pooler in transaction mode may stand between. What a session would have been told once is
//! then told to every transaction, and a read is a transaction too, because such a pooler may hand the steps of one
//! statement to different servers.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use log::LevelFilter;
use paceline_ledger::{Fallible, Fault, Pool, Steps, Then, columns::Cells, rows::Rows, statements::Writing as _};
use paceline_store::{StoreError, StoreResult};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection as _, Executor as _, PgPool, Postgres, SqlStr,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::sync::Mutex;

use crate::{
    columns::Row,
    error::{fault, store_error, unavailable},
    open::{PostgresOptions, Statements},
    transaction::{Bound, Tx, within},
};

/// How often a transaction is run that loses against others.
const TRIES: u32 = 6;

/// A connection that was idle for so long is asked whether it still works before it is used.
const IDLE: Duration = Duration::from_secs(1);

/// How long the server is waited for beyond its own limit of a statement.
const GRACE: Duration = Duration::from_secs(5);

/// How long it may take to find out why there is no connection.
const PROBE: Duration = Duration::from_secs(1);

/// How long a lost commit is searched for.
const SEARCH: Duration = Duration::from_secs(10);

/// What became of a transaction.
enum Found {
    Committed,
    Aborted,
}

/// The pool.
#[derive(Clone)]
pub(crate) struct Connections {
    pool: PgPool,
    connect: PgConnectOptions,
    statements: Statements,
    /// What begins a transaction.
    begin: SqlStr,
    patience: Duration,
    /// Held by the one caller that finds out why there is no connection.
    probe: Arc<Mutex<()>>,
}

impl Connections {
    /// A pool that connects when it is used.
    pub(crate) fn new(options: &PostgresOptions) -> Self {
        let connect = connecting(options);
        let pool = PgPoolOptions::new()
            .max_connections(options.max_connections.max(1))
            .acquire_timeout(options.acquire_timeout)
            .test_before_acquire(false)
            .before_acquire(|conn, meta| {
                Box::pin(async move { Ok(meta.idle_for < IDLE || within(GRACE, conn.ping()).await.is_ok()) })
            })
            .connect_lazy_with(connect.clone());
        let begin = match options.statements {
            Statements::Prepared => "BEGIN".to_owned(),
            Statements::Unnamed => settings(options).iter().fold("BEGIN".to_owned(), |mut text, (name, value)| {
                // Writing to a string cannot fail.
                let _ = write!(text, "; SET LOCAL {name} = '{value}'");
                text
            }),
        };
        Self {
            pool,
            connect,
            statements: options.statements,
            begin: sqlx::SqlSafeStr::into_sql_str(AssertSqlSafe(begin)),
            patience: options.statement_timeout + GRACE,
            probe: Arc::default(),
        }
    }

    /// How many connections are open.
    pub(crate) fn pool(&self) -> Pool {
        let idle = u32::try_from(self.pool.num_idle()).unwrap_or(u32::MAX);
        Pool { used: self.pool.size().saturating_sub(idle), idle }
    }

    /// Closes every connection, once it is not in use.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }

    /// Runs a transaction and answers after its commit. One that loses against another is run again.
    pub(crate) async fn write<T, F>(&self, steps: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut dyn Rows) -> Steps<'t, T> + Clone + Send + 'static,
    {
        let mut tries = 1;
        loop {
            let fault = match self.attempt(steps.clone()).await {
                Ok(done) => return Ok(done),
                Err(fault) => fault,
            };
            if fault.then != Then::Repeat || tries == TRIES {
                return Err(fault.error);
            }
            tokio::time::sleep(Duration::from_millis(4 << tries)).await;
            tries += 1;
        }
    }

    async fn attempt<T, F>(&self, steps: F) -> Fallible<T>
    where
        F: for<'t> FnOnce(&'t mut dyn Rows) -> Steps<'t, T> + Send + 'static,
    {
        let mut tx = self.begin().await?;
        match steps(&mut tx).await {
            Ok(done) => match (tx.commit().await, tx.name.take()) {
                (Err(fault), Some(name)) if fault.then == Then::Close => {
                    drop(tx);
                    self.find_commit(name, fault).await.map(|()| done)
                }
                (committed, _) => committed.map(|()| done),
            },
            Err(fault) => {
                if fault.then != Then::Close {
                    tx.roll_back().await;
                }
                Err(fault)
            }
        }
    }

    /// What became of a transaction whose commit was not answered: the server knows it by its name. So a caller that is told
    /// `Unavailable` need not wonder, unless the server stays away.
    async fn find_commit(&self, name: String, fault: Fault) -> Fallible<()> {
        match tokio::time::timeout(SEARCH, self.search_commit(name)).await {
            Ok(Ok(Found::Committed)) => Ok(()),
            Ok(Ok(Found::Aborted)) => Err(fault),
            Ok(Err(_)) | Err(_) => {
                tracing::warn!(error = %fault.error, "it is not known whether a transaction was committed");
                Err(fault)
            }
        }
    }

    async fn search_commit(&self, name: String) -> Fallible<Found> {
        loop {
            let status = sqlx::query("SELECT pg_xact_status($1::text::xid8) AS status").bind(name.clone());
            match self.one(status).await {
                Ok(Some(row)) => match Cells::new("pg_xact_status", &row).opt_text("status")? {
                    Some("committed") => return Ok(Found::Committed),
                    Some("aborted") => return Ok(Found::Aborted),
                    // The server has not noticed yet that the connection broke.
                    _ => {}
                },
                Ok(None) => {}
                Err(fault) if matches!(fault.error, StoreError::Unavailable { .. }) => {}
                // A server that took over from the one that is lost may never have heard of it.
                Err(fault) => return Err(fault),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// A transaction that has begun. Nothing was done on a connection that turns out to be broken, so another is tried.
    pub(crate) async fn begin(&self) -> Fallible<Tx> {
        let mut tries = self.pool.options().get_max_connections();
        loop {
            let mut conn = self.acquire().await?;
            let begun = within(self.patience, conn.execute(sqlx::raw_sql(self.begin.clone()))).await;
            match begun {
                Ok(_) => return Ok(Tx::new(conn, self.patience, self.statements)),
                Err(fault) => {
                    conn.close_on_drop();
                    if fault.then != Then::Close || tries == 0 {
                        return Err(fault);
                    }
                }
            }
            tries -= 1;
        }
    }

    /// Reads rows.
    pub(crate) async fn all(&self, query: Bound<'_>) -> Fallible<Vec<Row>> {
        match self.statements {
            Statements::Prepared => {
                let mut conn = self.acquire().await?;
                let rows = within(self.patience, query.fetch_all(&mut *conn)).await;
                Ok(close_broken(conn, rows)?.into_iter().map(Row).collect())
            }
            Statements::Unnamed => {
                let mut tx = self.begin().await?;
                let rows = tx.all(query).await;
                end_reading(tx, rows).await
            }
        }
    }

    /// Reads at most one row.
    pub(crate) async fn one(&self, query: Bound<'_>) -> Fallible<Option<Row>> {
        match self.statements {
            Statements::Prepared => {
                let mut conn = self.acquire().await?;
                let row = within(self.patience, query.fetch_optional(&mut *conn)).await;
                Ok(close_broken(conn, row)?.map(Row))
            }
            Statements::Unnamed => {
                let mut tx = self.begin().await?;
                let row = tx.one(query).await;
                end_reading(tx, row).await
            }
        }
    }

    async fn acquire(&self) -> Fallible<PoolConnection<Postgres>> {
        match self.pool.acquire().await {
            Err(sqlx::Error::PoolTimedOut) => Err(Fault::from(self.why_not_connected().await)),
            acquired => acquired.map_err(fault),
        }
    }

    /// Why no connection was to be had: because all are in use, or because none can be made.
    async fn why_not_connected(&self) -> StoreError {
        let Ok(_only_one) = self.probe.try_lock() else { return unavailable("no connection was to be had in time") };
        match tokio::time::timeout(PROBE, self.connect.connect()).await {
            Err(_) => unavailable("the database does not answer"),
            Ok(Err(error)) => store_error(error),
            Ok(Ok(conn)) => {
                // It has answered its question; how it ends matters to nobody.
                let _ = tokio::time::timeout(PROBE, conn.close()).await;
                store_error(sqlx::Error::PoolTimedOut)
            }
        }
    }
}

fn close_broken<T>(mut conn: PoolConnection<Postgres>, read: Fallible<T>) -> Fallible<T> {
    if read.as_ref().is_err_and(|fault| fault.then == Then::Close) {
        conn.close_on_drop();
    }
    read
}

async fn end_reading<T>(mut tx: Tx, read: Fallible<T>) -> Fallible<T> {
    if read.as_ref().is_err_and(|fault| fault.then == Then::Close) {
        return read;
    }
    tx.roll_back().await;
    read
}

/// What the server is told about a session, or about each transaction.
///
/// A transaction looks up rows that it knows by key, however large a table is; so plans that read a table from end to end are
/// made dear to the planner, which would choose them for a table that was small when it last looked. For the same reason it plans anew
/// each time. What the planner believes about the states of messages is always old: a campaign of a million rows goes from
/// waiting to sent between two looks. So statements that look rows up by an array join it by LATERAL, which leaves no choice.
fn settings(options: &PostgresOptions) -> [(&'static str, String); 9] {
    let milliseconds = |duration: Duration| duration.as_millis().clamp(1, 2_147_483_647).to_string();
    [
        ("statement_timeout", milliseconds(options.statement_timeout)),
        ("lock_timeout", milliseconds(options.lock_timeout)),
        ("idle_in_transaction_session_timeout", milliseconds(options.idle_timeout)),
        ("plan_cache_mode", "force_custom_plan".to_owned()),
        ("enable_seqscan", "off".to_owned()),
        ("enable_bitmapscan", "off".to_owned()),
        ("enable_hashjoin", "off".to_owned()),
        ("enable_mergejoin", "off".to_owned()),
        ("jit", "off".to_owned()),
    ]
}

/// How a connection is made.
pub(crate) fn connecting(options: &PostgresOptions) -> PgConnectOptions {
    let name = options.connect().get_application_name().unwrap_or("paceline").to_owned();
    let connect = options
        .connect()
        .clone()
        .application_name(&name)
        // A pooler refuses what it does not know, and no number here is broken.
        .extra_float_digits(None)
        // Statements carry no values, but they are noise; errors are told by the callers.
        .log_statements(LevelFilter::Trace)
        .log_slow_statements(LevelFilter::Off, Duration::MAX);
    match options.statements {
        Statements::Prepared => connect.statement_cache_capacity(512).options(settings(options)),
        Statements::Unnamed => connect.statement_cache_capacity(0),
    }
}
