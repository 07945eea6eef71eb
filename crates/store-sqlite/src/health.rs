//! Health and figures.

use std::time::Duration;

use async_trait::async_trait;
use paceline_ledger::{
    Fallible,
    rows::{HealthReads, HealthRows, OtherFigures},
};

use crate::{cells::Cells, database::SqliteRows, transaction::Tx, values::real_now};

#[async_trait]
impl HealthRows for Tx {
    async fn write_probe(&mut self) -> Fallible<()> {
        self.execute(sqlx::query(concat!("UPDATE health_probe SET probed_at = ", real_now!()))).await?;
        Ok(())
    }
}

#[async_trait]
impl HealthReads for SqliteRows {
    async fn read_probe(&self) -> Fallible<()> {
        self.one(sqlx::query("SELECT probed_at FROM health_probe")).await?;
        Ok(())
    }

    async fn figures(&self) -> Fallible<OtherFigures> {
        let query = sqlx::query(concat!(
            "SELECT (SELECT count(*) FROM senders WHERE lease_expires_at > ",
            real_now!(),
            ") AS leases_held, ",
            real_now!(),
            " - (SELECT min(a.recorded_at) FROM messages m INDEXED BY messages_sending \
                CROSS JOIN attempts a ON a.message_id = m.id AND a.number = m.attempts \
                WHERE m.state = 'sending') AS outbox_age, \
             (SELECT count(*) FROM webhook_deliveries WHERE state = 'waiting') AS deliveries_waiting, \
             (SELECT count(*) FROM dead_letters WHERE replayed_at IS NULL AND kind <> 'job') AS dead_letters, \
             (SELECT count(*) FROM events WHERE seq > (SELECT numbered_through FROM event_numbering)) AS events_unnumbered"
        ));
        let Some(row) = self.one(query).await? else { return Ok(OtherFigures::default()) };
        let cells = Cells::new("figures", &row);
        let age = cells.opt_number("outbox_age")?;
        Ok(OtherFigures {
            leases_held: cells.number("leases_held")?,
            outbox_age: age.map(|age| Duration::from_micros(u64::try_from(age).unwrap_or(0))),
            deliveries_waiting: cells.number("deliveries_waiting")?,
            dead_letters: cells.number("dead_letters")?,
            events_unnumbered: cells.number("events_unnumbered")?,
        })
    }
}
