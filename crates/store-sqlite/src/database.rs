//! The open database: the connection that writes, and those that read.

use async_trait::async_trait;
use paceline_ledger::{Database, Fallible, Steps, rows::Rows};
use paceline_store::StoreResult;
use sqlx::SqlitePool;

use crate::{columns::Row, error::fault, transaction::Bound, writer::Writer};

/// An open database. Clones share the file.
#[derive(Clone)]
pub struct SqliteRows {
    writer: Writer,
    readers: SqlitePool,
}

impl std::fmt::Debug for SqliteRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SqliteRows")
    }
}

impl SqliteRows {
    /// A database whose connections are open.
    pub(crate) const fn new(writer: Writer, readers: SqlitePool) -> Self {
        Self { writer, readers }
    }

    /// Reads rows.
    pub(crate) async fn list<T, C: FromIterator<T>>(
        &self,
        query: Bound<'_>,
        read: impl Fn(&Row) -> Fallible<T> + Send,
    ) -> Fallible<C> {
        query.fetch_all(&self.readers).await.map_err(fault)?.into_iter().map(|row| read(&Row(row))).collect()
    }

    /// Reads the row, when there is one.
    pub(crate) async fn find<T>(
        &self,
        query: Bound<'_>,
        read: impl Fn(&Row) -> Fallible<T> + Send,
    ) -> Fallible<Option<T>> {
        query.fetch_optional(&self.readers).await.map_err(fault)?.map(|row| read(&Row(row))).transpose()
    }

    /// Whether there is a row.
    pub(crate) async fn has(&self, query: Bound<'_>) -> Fallible<bool> {
        Ok(query.fetch_optional(&self.readers).await.map_err(fault)?.is_some())
    }
}

#[async_trait]
impl Database for SqliteRows {
    async fn transact<T, F>(&self, steps: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut dyn Rows) -> Steps<'t, T> + Clone + Send + 'static,
    {
        self.writer.write(steps).await
    }

    async fn close(&self) {
        // Readers first: the last connection to close folds the log into the file.
        self.readers.close().await;
        self.writer.close().await;
    }
}
