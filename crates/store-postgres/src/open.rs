//! Opening the store.

use std::{str::FromStr as _, sync::Arc, time::Duration};

use paceline_domain::Minter;
use paceline_ledger::{Ledger, SchemaError};
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, postgres::PgConnectOptions};

use crate::{
    connections::{Connections, connecting},
    database::PostgresRows,
    diagnose::is_pooled,
    error::{sql_state, state, unavailable_reason},
    migrations,
};

/// Whether the server may keep statements for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Statements {
    /// Statements have no names and nothing is left in a session. Right everywhere, and the only right way through a connection
    /// pooler in transaction mode, such as `pgbouncer`.
    #[default]
    Unnamed,
    /// Statements are prepared once for each connection, and settings told once. Faster; only for connections that lead
    /// to the server itself.
    Prepared,
}

/// What is done about the schema when a store is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Migrations {
    /// What is missing is applied. Many processes may do so at once: one does, the others wait.
    #[default]
    Apply,
    /// What is missing is an error: a worker's user need not own the schema.
    Expect,
}

/// How to open a store.
#[derive(Clone)]
pub struct PostgresOptions {
    connect: PgConnectOptions,
    /// How many connections this process has at most.
    pub max_connections: u32,
    /// How long a caller waits for a connection, and the store for a server that is away, in real time.
    pub acquire_timeout: Duration,
    /// How long a statement may take, in real time.
    pub statement_timeout: Duration,
    /// How long a statement may wait for a lock, in real time.
    pub lock_timeout: Duration,
    /// How long a transaction may rest between two statements, in real time. A process that is frozen within one keeps what it has locked
    /// from everybody else for so long.
    pub idle_timeout: Duration,
    /// Whether statements are prepared.
    pub statements: Statements,
    /// What is done about the schema.
    pub migrations: Migrations,
}

impl std::fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresOptions").field("database", &self.place()).finish_non_exhaustive()
    }
}

impl PostgresOptions {
    /// A database with the usual settings. `url` is `postgres://user:password@host:port/database`, with `sslmode`, `sslrootcert` and
    /// the like as its query; what it leaves out is taken from the variables of PostgreSQL's own clients (`PGHOST`, …).
    ///
    /// # Errors
    /// [`OpenError::Url`], which does not show the address.
    pub fn new(url: &str) -> Result<Self, OpenError> {
        let schemes = ["postgres://", "postgresql://"];
        let connect = PgConnectOptions::from_str(url).ok();
        let connect = connect.filter(|_| schemes.iter().any(|scheme| url.starts_with(scheme))).ok_or(OpenError::Url)?;
        Ok(Self {
            connect,
            max_connections: 10,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(15),
            lock_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(3),
            statements: Statements::default(),
            migrations: Migrations::default(),
        })
    }

    pub(crate) fn connect(&self) -> &PgConnectOptions {
        &self.connect
    }

    /// Where the database is, without who may use it.
    pub fn place(&self) -> String {
        let database = self.connect.get_database().unwrap_or_else(|| self.connect.get_username());
        match self.connect.get_socket() {
            Some(socket) => format!("{} at {}", database, socket.display()),
            None => format!("{} at {}:{}", database, self.connect.get_host(), self.connect.get_port()),
        }
    }
}

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address cannot be read.
    #[error("the address of the database is not of the form postgres://user:password@host:port/database?sslmode=…")]
    Url,
    /// The database cannot be used at present: see [`OpenError::is_transient`].
    #[error("the database {place} cannot be used: {reason}")]
    Unavailable {
        /// Where it is.
        place: String,
        /// What to tell the operator.
        reason: String,
        /// Whether it may pass without anyone changing anything.
        passing: Passing,
    },
    /// The schema does not suit this binary.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The schema lacks what this binary needs.
    #[error("the database has schema {found}, and this binary needs {known}")]
    SchemaOlder {
        /// The newest migration that was applied; zero for none.
        found: i64,
        /// The newest one that this binary knows.
        known: i64,
    },
    /// Statements cannot be prepared through a connection pooler: it mixes those of different clients.
    #[error("a connection pooler stands before the database {place}: let statements be sent unnamed")]
    Pooled {
        /// Where it is.
        place: String,
    },
    /// The schema could not be brought up to date.
    #[error("the schema of the database cannot be brought up to date")]
    Migration {
        /// The driver's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Whether an obstacle may pass by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passing {
    /// The server is away, starting, full or busy.
    Yes,
    /// The user, the password, the database's name or the server's settings must be changed.
    No,
}

impl OpenError {
    /// Whether the same call may succeed later without anyone changing anything.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { passing: Passing::Yes, .. })
    }

    pub(crate) fn from_driver(error: sqlx::Error) -> Self {
        let Some(reason) = unavailable_reason(&error) else { return Self::Migration { source: Box::new(error) } };
        let passing = match sql_state(&error).as_deref() {
            Some(state::NO_RIGHT | state::NO_SUCH_DATABASE) => Passing::No,
            Some(state) if state.starts_with("28") || state.starts_with("XX") => Passing::No,
            None if matches!(error, sqlx::Error::Tls(_)) => Passing::No,
            _ => Passing::Yes,
        };
        Self::Unavailable { place: String::new(), reason: reason.to_owned(), passing }
    }

    pub(crate) fn at(self, options: &PostgresOptions) -> Self {
        match self {
            Self::Unavailable { reason, passing, .. } => Self::Unavailable { place: options.place(), reason, passing },
            error => error,
        }
    }
}

/// The store on PostgreSQL. Clones share the connections.
pub type PostgresStore = Ledger<PostgresRows>;

/// Opens a database, and brings its schema up to date or checks it. `minter` mints the ids of events, deliveries
/// and pools.
///
/// # Errors
/// Says what an operator can do. One that [`OpenError::is_transient`] may be over when the caller tries again.
pub async fn open(options: PostgresOptions, minter: Arc<Minter>) -> Result<PostgresStore, OpenError> {
    check_schema(&options).await.map_err(|error| error.at(&options))?;
    Ok(Ledger::new(PostgresRows::new(Connections::new(&options)), minter))
}

async fn check_schema(options: &PostgresOptions) -> Result<(), OpenError> {
    let mut conn = connect(options).await?;
    if options.statements == Statements::Prepared && is_pooled(&mut conn, options).await? {
        return Err(OpenError::Pooled { place: options.place() });
    }
    let checked = match options.migrations {
        Migrations::Apply => migrations::apply(&mut conn).await,
        Migrations::Expect => migrations::expect(&mut conn).await,
    };
    // What was found counts, not whether the connection closes well.
    let _ = tokio::time::timeout(options.acquire_timeout, conn.close()).await;
    checked
}

/// A connection of its own, outside of any pool.
pub(crate) async fn connect(options: &PostgresOptions) -> Result<PgConnection, OpenError> {
    // No statement of a migration leaves a name behind in a pooler's session, whatever the pool does later.
    let connecting = connecting(&PostgresOptions { statements: Statements::Unnamed, ..options.clone() });
    match tokio::time::timeout(options.acquire_timeout, connecting.connect()).await {
        Ok(connected) => connected.map_err(OpenError::from_driver),
        Err(_) => Err(OpenError::Unavailable {
            place: String::new(),
            reason: "the database does not answer".to_owned(),
            passing: Passing::Yes,
        }),
    }
}
