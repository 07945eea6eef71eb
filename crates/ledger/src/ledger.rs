//! The ledger over a database: each method of the store's traits is one transaction, or one read.

use std::sync::Arc;

use paceline_domain::Minter;
use paceline_store::StoreResult;

use crate::{Database, Steps, transaction::Tx};

/// The store over a database. Clones share it.
#[derive(Clone)]
pub struct Ledger<D> {
    pub(crate) database: D,
    minter: Arc<Minter>,
}

impl<D> std::fmt::Debug for Ledger<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ledger")
    }
}

impl<D: Database> Ledger<D> {
    /// A store over a database that is open. `minter` mints the ids of events, deliveries and pools.
    pub const fn new(database: D, minter: Arc<Minter>) -> Self {
        Self { database, minter }
    }

    /// Ends what is under way and closes the database. Later calls are answered with `Unavailable`.
    pub async fn close(&self) {
        self.database.close().await;
    }

    /// The database.
    pub const fn database(&self) -> &D {
        &self.database
    }

    /// Runs steps as one transaction, and writes at its end what they noted.
    pub(crate) async fn write<T, F>(&self, steps: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: for<'t, 'r> FnOnce(&'t mut Tx<'r>) -> Steps<'t, T> + Clone + Send + 'static,
    {
        let minter = Arc::clone(&self.minter);
        self.database
            .transact(move |rows| {
                Box::pin(async move {
                    let mut tx = Tx::new(rows, minter);
                    let done = steps(&mut tx).await?;
                    tx.flush().await?;
                    Ok(done)
                })
            })
            .await
    }
}
