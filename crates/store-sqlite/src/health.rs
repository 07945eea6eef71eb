//! Health and figures.

use crate::prelude::*;

#[async_trait]
impl HealthRows for Tx {
    async fn write_probe(&mut self) -> Fallible<()> {
        self.run(sqlx::query(concat!("UPDATE health_probe SET probed_at = ", real_now!()))).await
    }
}

#[async_trait]
impl HealthReads for SqliteRows {
    async fn read_probe(&self) -> Fallible<()> {
        self.has(sqlx::query("SELECT probed_at FROM health_probe")).await.map(|_| ())
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
        Ok(self.find(query, columns::figures).await?.unwrap_or_default())
    }
}
