//! The database as the ledger uses it: statements that read, and transactions.

use async_trait::async_trait;
use paceline_ledger::{Database, Fallible, Steps, rows::Rows};
use paceline_store::StoreResult;
use sqlx::postgres::PgRow;

use crate::{connections::Connections, transaction::Bound};

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
    pub(crate) async fn all(&self, query: Bound<'_>) -> Fallible<Vec<PgRow>> {
        self.connections.all(query).await
    }

    /// Reads at most one row.
    pub(crate) async fn one(&self, query: Bound<'_>) -> Fallible<Option<PgRow>> {
        self.connections.one(query).await
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
