//! The database as the ledger uses it: statements that read, and transactions.

use async_trait::async_trait;
use paceline_ledger::{
    Database, Fallible, Pool, Steps,
    rows::Rows,
    statements::{Reading, Statement, Texts, Writing as _},
};
use paceline_store::StoreResult;

use crate::{columns::Row, connections::Connections, statements::TEXTS, transaction::Tx};

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

    fn pool(&self) -> Pool {
        self.connections.pool()
    }

    async fn close(&self) {
        self.connections.close().await;
    }
}

impl Reading for PostgresRows {
    type Row = Row;
    const TEXTS: &'static Texts = &TEXTS;

    async fn rows(&self, statement: Statement<'_>) -> Fallible<Vec<Row>> {
        self.connections.all(Tx::bound(statement)).await
    }

    async fn row(&self, statement: Statement<'_>) -> Fallible<Option<Row>> {
        self.connections.one(Tx::bound(statement)).await
    }
}
