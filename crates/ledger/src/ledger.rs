//! The ledger over a database: each method of the store's traits is one transaction, or one read.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use paceline_domain::Minter;
use paceline_store::StoreResult;
use paceline_telemetry::Metrics;

use crate::{Database, Steps, meters::Meters, transaction::Tx};

/// The store over a database. Clones share it.
#[derive(Clone)]
pub struct Ledger<D> {
    pub(crate) database: D,
    minter: Arc<Minter>,
    meters: Meters,
}

impl<D> std::fmt::Debug for Ledger<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ledger")
    }
}

impl<D: Database> Ledger<D> {
    /// A store over a database that is open. `minter` mints the ids of events, deliveries and pools.
    pub fn new(database: D, minter: Arc<Minter>) -> Self {
        Self { database, minter, meters: Meters::new(&Metrics::new()) }
    }

    /// The same store, whose transactions are counted here.
    #[must_use]
    pub fn with_metrics(self, metrics: &Metrics) -> Self {
        Self { meters: Meters::new(metrics), ..self }
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
        let runs = Arc::new(AtomicU64::new(0));
        let run = Arc::clone(&runs);
        let begun = self.meters.begin();
        let done = self
            .database
            .transact(move |rows| {
                run.fetch_add(1, Ordering::Relaxed);
                Box::pin(async move {
                    let mut tx = Tx::new(rows, minter);
                    let done = steps(&mut tx).await?;
                    tx.flush().await?;
                    Ok(done)
                })
            })
            .await;
        let repeats = runs.load(Ordering::Relaxed).saturating_sub(1);
        self.meters.end(begun, done.as_ref().err(), repeats, self.database.pool());
        done
    }
}
