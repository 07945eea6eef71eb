//! The open database: the connection that writes, and those that read.

use async_trait::async_trait;
use paceline_ledger::{
    Database, Fallible, Steps,
    rows::Rows,
    statements::{Reading, Statement, Texts, Writing as _},
};
use paceline_store::StoreResult;
use sqlx::SqlitePool;

use crate::{columns::Row, error::fault, statements::TEXTS, transaction::Tx, writer::Writer};

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

    /// The readers, and the writer, which is never idle: it waits for the next order.
    fn pool(&self) -> paceline_ledger::Pool {
        let waiting = self.readers.num_idle().try_into().unwrap_or(0);
        paceline_ledger::Pool { used: 1 + self.readers.size().saturating_sub(waiting), idle: waiting }
    }

    async fn close(&self) {
        // Readers first: the last connection to close folds the log into the file.
        self.readers.close().await;
        self.writer.close().await;
    }
}

impl Reading for SqliteRows {
    type Row = Row;
    const TEXTS: &'static Texts = &TEXTS;

    async fn rows(&self, statement: Statement<'_>) -> Fallible<Vec<Row>> {
        Ok(Tx::bound(statement).fetch_all(&self.readers).await.map_err(fault)?.into_iter().map(Row).collect())
    }

    async fn row(&self, statement: Statement<'_>) -> Fallible<Option<Row>> {
        Ok(Tx::bound(statement).fetch_optional(&self.readers).await.map_err(fault)?.map(Row))
    }
}
