//! For tests of others: somebody else at the database's file.

use std::{
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use sqlx::{Connection as _, Executor as _, SqliteConnection, sqlite::SqliteConnectOptions};

/// How long the lock is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many steps of its machine are counted at once.
const STRIDE: u16 = 100;

/// The steps of all connections of the process.
static STEPS: AtomicU64 = AtomicU64::new(0);

/// How many steps SQLite's machine has taken in this process: a few for each row that it reads. Of a statement, the last hundred may not be
/// counted.
pub fn steps() -> u64 {
    STEPS.load(Ordering::Relaxed)
}

/// Counts the steps of a connection.
pub(crate) async fn count_steps(conn: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    conn.lock_handle().await?.set_progress_handler(STRIDE.into(), || {
        STEPS.fetch_add(STRIDE.into(), Ordering::Relaxed);
        true
    });
    Ok(())
}

/// The database has no connection for a test, or does not let it write.
#[derive(Debug, thiserror::Error)]
#[error("the database's lock cannot be held: {0}")]
pub struct NoLock(#[from] sqlx::Error);

/// The lock of writers, held by a connection that is not the store's.
#[derive(Debug)]
pub struct HeldLock(SqliteConnection);

impl HeldLock {
    /// Takes the lock, as a backup or a person with a shell might.
    ///
    /// # Errors
    /// There is no such database, or others did not let go of the lock.
    pub async fn take(file: &Path) -> Result<Self, NoLock> {
        let options = SqliteConnectOptions::new().filename(file).busy_timeout(PATIENCE);
        let mut connection = SqliteConnection::connect_with(&options).await?;
        connection.execute("BEGIN IMMEDIATE").await?;
        Ok(Self(connection))
    }

    /// Gives it back; nothing has changed.
    ///
    /// # Errors
    /// The file is gone.
    pub async fn give_back(mut self) -> Result<(), NoLock> {
        self.0.execute("ROLLBACK").await?;
        Ok(self.0.close().await?)
    }
}
