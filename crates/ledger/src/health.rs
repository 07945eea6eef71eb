//! Health and figures.

use async_trait::async_trait;
use paceline_store::{
    StoreError, StoreResult,
    health::{HealthStore, StoreFigures},
};

use crate::{Counts, Database, INSTALLATION, Ledger, NO_CAMPAIGN};

#[async_trait]
impl<D: Database> HealthStore for Ledger<D> {
    async fn ping(&self) -> StoreResult<()> {
        self.database.read_probe().await?;
        self.write(|tx| tx.rows.write_probe()).await
    }

    async fn figures(&self) -> StoreResult<StoreFigures> {
        let counts = Counts::of(self.database.list_counts(INSTALLATION, NO_CAMPAIGN).await?);
        let none_that_exists = || {
            let row = INSTALLATION.to_string();
            StoreError::Corrupt { table: "campaign_counts", column: "bucket", row }
        };
        let counts = counts.ok_or_else(none_that_exists)?;
        let others = self.database.figures().await?;
        Ok(StoreFigures {
            account: counts.account,
            leases_held: others.leases_held,
            outbox_age: others.outbox_age,
            deliveries_waiting: others.deliveries_waiting,
            dead_letters: others.dead_letters,
            events_unnumbered: others.events_unnumbered,
        })
    }
}
