//! A database, as the ledger uses it.

use std::{future::Future, pin::Pin};

use async_trait::async_trait;
use paceline_store::StoreResult;

use crate::{
    Fallible,
    rows::{Reads, Rows},
};

/// The steps of a transaction, running.
pub type Steps<'t, T> = Pin<Box<dyn Future<Output = Fallible<T>> + Send + 't>>;

/// Connections to a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// Those that somebody uses.
    pub used: u32,
    /// Those that wait to be used.
    pub idle: u32,
}

/// A database: statements that read, and transactions.
#[async_trait]
pub trait Database: Reads + Clone + 'static {
    /// Runs steps as one transaction and answers after its commit. When they fail nothing has changed. Steps that lose against another
    /// transaction are run again.
    ///
    /// # Errors
    /// What the steps met, or why there was no commit.
    async fn transact<T, F>(&self, steps: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut dyn Rows) -> Steps<'t, T> + Clone + Send + 'static;

    /// How many connections are open at this moment; without connections none.
    fn pool(&self) -> Pool {
        Pool { used: 0, idle: 0 }
    }

    /// Ends what is under way and closes every connection. Later calls are answered with `Unavailable`.
    async fn close(&self);
}
