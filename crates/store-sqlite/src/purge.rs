//! Purging, oldest first and in pieces. Inbox and events are read from their old end, whose order is that of their age.

use crate::prelude::*;

/// A table that is purged: how its old rows are found, by age and limit, and removed.
struct Old {
    find: &'static str,
    remove: &'static str,
}

const DELIVERIES: Old = Old {
    find: concat!(
        "SELECT seq FROM webhook_deliveries WHERE recorded_at IS NOT NULL AND recorded_at <= ",
        real_now!(),
        " - ?1 ORDER BY recorded_at LIMIT ?2"
    ),
    remove: "DELETE FROM webhook_deliveries WHERE seq IN (SELECT value FROM json_each(?1))",
};

const INBOX: Old = Old {
    find: concat!(
        "SELECT seq FROM (SELECT seq, recorded_at FROM inbox ORDER BY seq LIMIT ?2) WHERE recorded_at <= ",
        real_now!(),
        " - ?1"
    ),
    remove: "DELETE FROM inbox WHERE seq IN (SELECT value FROM json_each(?1))",
};

const IDEMPOTENCY_KEYS: Old = Old {
    find: concat!(
        "SELECT rowid AS seq FROM idempotency_keys WHERE recorded_at <= ",
        real_now!(),
        " - ?1 AND (status IS NOT NULL OR claimed_until <= ",
        real_now!(),
        ") ORDER BY recorded_at LIMIT ?2"
    ),
    remove: "DELETE FROM idempotency_keys WHERE rowid IN (SELECT value FROM json_each(?1))",
};

/// A result that nobody has replayed is kept.
const DEAD_LETTERS: Old = Old {
    find: concat!(
        "SELECT seq FROM dead_letters WHERE (replayed_at IS NOT NULL OR kind <> 'result') AND received_at <= ",
        real_now!(),
        " - ?1 ORDER BY seq LIMIT ?2"
    ),
    remove: "DELETE FROM dead_letters WHERE seq IN (SELECT value FROM json_each(?1))",
};

#[async_trait]
impl PurgeRows for Tx {
    async fn purge_deliveries(&mut self, age: Duration, limit: u64) -> Fallible<u64> {
        self.purge(&DELIVERIES, age, limit).await
    }

    /// Walks from the oldest event up to the first that is too young, past those whose deliveries are not finished.
    async fn purge_events(&mut self, age: Duration, limit: u64) -> Fallible<u64> {
        const PAGE: &str = concat!(
            "SELECT e.seq, e.recorded_at <= ",
            real_now!(),
            " - ?1 AS old, EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.event_seq = e.seq) AS wanted FROM events e \
             WHERE e.seq > ?2 AND e.seq <= (SELECT numbered_through FROM event_numbering) ORDER BY e.seq LIMIT ?3"
        );
        let (age, page) = (duration_micros(age), i64::try_from(limit).unwrap_or(i64::MAX));
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let (mut unwanted, mut after) = (Vec::new(), Some(0_i64));
        while let Some(from) = after.take().filter(|_| unwanted.len() < limit) {
            let rows = self.all(sqlx::query(PAGE).bind(age).bind(from).bind(page)).await?;
            after = columns::unwanted_events(&rows, limit, &mut unwanted)?;
        }
        self.remove("DELETE FROM events WHERE seq IN (SELECT value FROM json_each(?1))", unwanted).await
    }

    async fn purge_inbox(&mut self, age: Duration, limit: u64) -> Fallible<u64> {
        self.purge(&INBOX, age, limit).await
    }

    async fn purge_idempotency_keys(&mut self, age: Duration, limit: u64) -> Fallible<u64> {
        self.purge(&IDEMPOTENCY_KEYS, age, limit).await
    }

    async fn purge_dead_letters(&mut self, age: Duration, limit: u64) -> Fallible<u64> {
        self.purge(&DEAD_LETTERS, age, limit).await
    }
}

impl Tx {
    async fn purge(&mut self, old: &Old, age: Duration, limit: u64) -> Fallible<u64> {
        let query = sqlx::query(old.find).bind(duration_micros(age)).bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = self.list(query, columns::number("purge", "seq")).await?;
        self.remove(old.remove, rows).await
    }

    async fn remove(&mut self, statement: &'static str, rows: Vec<i64>) -> Fallible<u64> {
        if rows.is_empty() {
            return Ok(0);
        }
        self.execute(sqlx::query(statement).bind(json_numbers(rows))).await
    }
}
