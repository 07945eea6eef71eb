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

    /// Ends what is under way and closes every connection. Later calls are answered with `Unavailable`.
    async fn close(&self);
}
