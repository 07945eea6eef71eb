//! Opening and closing the store.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use log::LevelFilter;
use paceline_domain::Minter;
use paceline_ledger::{Ledger, SchemaError};
use sqlx::{
    ConnectOptions, Connection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{
    database::SqliteRows,
    error::{code, sqlite_code},
    migrations,
    writer::Writer,
};

/// The store on SQLite.
pub type SqliteStore = Ledger<SqliteRows>;

/// How to open a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteOptions {
    /// The database file. It and its folder are made when they do not exist.
    pub path: PathBuf,
    /// How many connections read at once.
    pub readers: u32,
    /// How long to wait for a lock that another process holds, in real time.
    pub busy_timeout: Duration,
    /// The most pages of 4 KiB that the file may have; `None` leaves it to the disk.
    pub max_pages: Option<u32>,
}

impl SqliteOptions {
    /// A file with the usual settings.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), readers: 4, busy_timeout: Duration::from_secs(5), max_pages: None }
    }
}

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file, or its folder, cannot be made or opened.
    #[error("the database {} cannot be opened: {reason}", path.display())]
    CannotOpen {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The file is something else, or damaged.
    #[error("the file is not a database of Paceline, or it is damaged")]
    NotADatabase,
    /// Another process holds the database.
    #[error("the database is locked by another process")]
    Locked,
    /// The schema does not suit this binary.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The schema could not be brought up to date.
    #[error("the schema of the database cannot be brought up to date")]
    Migration {
        /// The driver's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl OpenError {
    pub(crate) fn from_driver(error: sqlx::Error) -> Self {
        let cannot = |reason: &str| Self::CannotOpen { path: PathBuf::new(), reason: reason.to_owned() };
        match sqlite_code(&error) {
            Some(code::BUSY | code::LOCKED) => Self::Locked,
            Some(code::NOT_A_DATABASE | code::CORRUPT) => Self::NotADatabase,
            Some(code::CANNOT_OPEN) => cannot("is it a file, and may this user read and write it and its folder?"),
            Some(code::READ_ONLY | code::PERMISSION) => cannot("it may not be written to"),
            Some(code::FULL) => cannot("the disk is full"),
            Some(code::IO) => cannot("the disk fails to read or write"),
            _ => Self::Migration { source: Box::new(error) },
        }
    }

    fn at(self, file: &Path) -> Self {
        match self {
            Self::CannotOpen { reason, .. } => Self::CannotOpen { path: file.to_owned(), reason },
            error => error,
        }
    }
}

/// Opens a store, making its database (readable by its owner only) when it does not exist, and brings its schema up to date.
/// Must be called within a tokio runtime. `minter` mints the ids of events, deliveries and pools.
///
/// # Errors
/// Says what an operator can do.
pub async fn open(options: SqliteOptions, minter: Arc<Minter>) -> Result<SqliteStore, OpenError> {
    let path = options.path.as_path();
    make_private_file(path)
        .map_err(|error| OpenError::CannotOpen { path: path.to_owned(), reason: error.to_string() })?;
    let writing = writing(&options);
    let conn = open_writer(&writing).await.map_err(|error| error.at(path))?;
    let readers = SqlitePoolOptions::new();
    #[cfg(feature = "testing")]
    let readers = readers.after_connect(|conn, _| Box::pin(crate::testing::count_steps(conn)));
    let readers = readers
        .max_connections(options.readers.max(1))
        .acquire_timeout(options.busy_timeout.max(Duration::from_secs(1)))
        // A file needs no ping.
        .test_before_acquire(false)
        .connect_lazy_with(reading(&options));
    Ok(Ledger::new(SqliteRows::new(Writer::start(conn, writing), readers), minter))
}

async fn open_writer(options: &SqliteConnectOptions) -> Result<SqliteConnection, OpenError> {
    let mut conn = options.connect().await.map_err(OpenError::from_driver)?;
    #[cfg(feature = "testing")]
    crate::testing::count_steps(&mut conn).await.map_err(OpenError::from_driver)?;
    match migrations::apply(&mut conn).await {
        Ok(()) => Ok(conn),
        Err(error) => {
            // The reason counts, not whether the file closes well.
            let _ = conn.close().await;
            Err(error)
        }
    }
}

fn common(options: &SqliteOptions) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(&options.path)
        .busy_timeout(options.busy_timeout)
        .foreign_keys(true)
        .pragma("temp_store", "memory")
        // Else the planner walks through a large table rather than look up a few hundred rows of it.
        .pragma("automatic_index", "off")
        .row_buffer_size(1_024)
        // Statements carry no values, but they are noise; errors are told by the callers.
        .log_statements(LevelFilter::Trace)
        .log_slow_statements(LevelFilter::Off, Duration::MAX)
}

fn writing(options: &SqliteOptions) -> SqliteConnectOptions {
    let writing = common(options)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        // Inserts by hash touch pages all over an index; 32 MiB hold that of a million recipients.
        .pragma("cache_size", "-32768")
        // 64 MiB of log before it is folded in: hot pages are written to the file once instead of many times.
        .pragma("wal_autocheckpoint", "16384")
        .pragma("journal_size_limit", "100663296")
        .statement_cache_capacity(512);
    match options.max_pages {
        Some(pages) => writing.pragma("max_page_count", pages.to_string()),
        None => writing,
    }
}

fn reading(options: &SqliteOptions) -> SqliteConnectOptions {
    common(options).pragma("query_only", "on").pragma("cache_size", "-4096")
}

/// Makes the file with mode 0600, and its folder with 0700, unless they exist. SQLite gives its log files the mode of the
/// database file.
fn make_private_file(path: &Path) -> io::Result<()> {
    let mut file = std::fs::OpenOptions::new();
    let mut folder = std::fs::DirBuilder::new();
    file.write(true).create_new(true);
    folder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
        file.mode(0o600);
        folder.mode(0o700);
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        folder.create(parent)?;
    }
    match file.open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use sqlx::{Connection as _, SqliteConnection};

    use super::{SqliteOptions, writing};

    /// What the setting is called in answers to `PRAGMA synchronous`.
    const FULL: i64 = 2;

    #[tokio::test]
    async fn every_commit_is_on_the_disk_before_it_is_answered() {
        let folder = tempfile::tempdir().unwrap();
        let options = writing(&SqliteOptions::new(folder.path().join("paceline.db"))).create_if_missing(true);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        let journal: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut connection).await.unwrap();
        let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut connection).await.unwrap();
        assert_eq!((journal.as_str(), synchronous), ("wal", FULL), "a power failure would take the last commits back");
    }
}
