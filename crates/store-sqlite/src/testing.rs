//! For tests of others: somebody else at the database's file.

use std::{path::Path, time::Duration};

use sqlx::{Connection as _, Executor as _, SqliteConnection, sqlite::SqliteConnectOptions};

/// How long the lock is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

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
