//! Health and figures.

use std::time::Duration;

use async_trait::async_trait;
use paceline_store::{
    StoreResult,
    health::{HealthStore, StoreFigures},
};

use crate::{
    cells::Cells,
    counters::Counts,
    error::Fallible,
    open::PostgresStore,
    values::{INSTALLATION, NO_CAMPAIGN, real_now, statement_now, uuid},
};

#[async_trait]
impl HealthStore for PostgresStore {
    async fn ping(&self) -> StoreResult<()> {
        self.one(sqlx::query("SELECT probed_at FROM health_probe")).await?;
        self.write(|tx| {
            Box::pin(async move {
                let probe = sqlx::query(concat!("UPDATE health_probe SET probed_at = ", real_now!()));
                tx.execute(probe).await.map(|_| ())
            })
        })
        .await
    }

    async fn figures(&self) -> StoreResult<StoreFigures> {
        Ok(self.read_figures().await?)
    }
}

impl PostgresStore {
    async fn read_figures(&self) -> Fallible<StoreFigures> {
        let counts = sqlx::query(
            "SELECT bucket, sum(count)::bigint AS count FROM campaign_counts \
             WHERE workspace_id = $1 AND campaign_id = $2 GROUP BY bucket",
        );
        let mut figures = Counts::default();
        for row in &self.all(counts.bind(uuid(INSTALLATION)).bind(uuid(NO_CAMPAIGN))).await? {
            let cells = Cells::new("campaign_counts", row);
            figures.take(cells.text("bucket")?, cells.number("count")?).ok_or_else(|| cells.corrupt("bucket"))?;
        }
        let others = sqlx::query(concat!(
            "SELECT (SELECT count(*) FROM senders WHERE lease_expires_at > ",
            real_now!(),
            ") AS leases_held, (extract(epoch FROM ",
            statement_now!(),
            " - (SELECT min(a.recorded_at) FROM messages m JOIN attempts a ON a.message_id = m.id AND a.number = m.attempts \
                WHERE m.state = 'sending')) * 1000000)::bigint AS outbox_age, \
             (SELECT count(*) FROM webhook_deliveries WHERE state = 'waiting') AS deliveries_waiting, \
             (SELECT count(*) FROM dead_letters WHERE replayed_at IS NULL AND kind <> 'job') AS dead_letters, \
             (SELECT count(*) FROM events WHERE number IS NULL) AS events_unnumbered"
        ));
        let row = self.one(others).await?.ok_or(sqlx::Error::RowNotFound)?;
        let cells = Cells::new("figures", &row);
        let age = cells.opt_number("outbox_age")?;
        Ok(StoreFigures {
            account: figures.account,
            leases_held: cells.number("leases_held")?,
            outbox_age: age.map(|age| Duration::from_micros(u64::try_from(age).unwrap_or(0))),
            deliveries_waiting: cells.number("deliveries_waiting")?,
            dead_letters: cells.number("dead_letters")?,
            events_unnumbered: cells.number("events_unnumbered")?,
        })
    }
}
