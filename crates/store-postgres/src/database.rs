//! The database as the ledger uses it: statements that read, and transactions.

use async_trait::async_trait;
use paceline_ledger::{Database, Fallible, Steps, rows::Rows};
use paceline_store::StoreResult;

use crate::{columns::Row, connections::Connections, transaction::Bound};

/// A database that is open. Clones share the connections.
#[derive(Clone)]
pub struct PostgresRows {
    connections: Connections,
}

impl std::fmt::Debug for PostgresRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PostgresRows")
    }
}

impl PostgresRows {
    /// The database at the other end of connections.
    pub(crate) const fn new(connections: Connections) -> Self {
        Self { connections }
    }

    /// Reads rows.
    pub(crate) async fn list<T, C: FromIterator<T>>(
        &self,
        query: Bound<'_>,
        read: impl Fn(&Row) -> Fallible<T> + Send,
    ) -> Fallible<C> {
        self.connections.all(query).await?.iter().map(read).collect()
    }

    /// Reads the row, when there is one.
    pub(crate) async fn find<T>(
        &self,
        query: Bound<'_>,
        read: impl Fn(&Row) -> Fallible<T> + Send,
    ) -> Fallible<Option<T>> {
        self.connections.one(query).await?.as_ref().map(read).transpose()
    }

    /// Whether there is a row.
    pub(crate) async fn has(&self, query: Bound<'_>) -> Fallible<bool> {
        Ok(self.connections.one(query).await?.is_some())
    }
}

#[async_trait]
impl Database for PostgresRows {
    async fn transact<T, F>(&self, steps: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut dyn Rows) -> Steps<'t, T> + Clone + Send + 'static,
    {
        self.connections.write(steps).await
    }

    async fn close(&self) {
        self.connections.close().await;
    }
}
