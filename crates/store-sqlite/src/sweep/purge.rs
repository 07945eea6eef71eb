//! Purging, oldest first and in pieces. Inbox and events are read from their old end, whose order is that of their age.

use super::{Duration, Fallible, Tx, duration_micros, json_numbers, real_now};
use crate::cells::Cells;

/// What is purged, in order: deliveries before the events that they carry. Each text takes an age and a limit.
const OLD: [(&str, &str); 4] = [
    (
        concat!(
            "SELECT seq FROM webhook_deliveries WHERE recorded_at IS NOT NULL AND recorded_at <= ",
            real_now!(),
            " - ?1 ORDER BY recorded_at LIMIT ?2"
        ),
        "DELETE FROM webhook_deliveries WHERE seq IN (SELECT value FROM json_each(?1))",
    ),
    (
        concat!(
            "SELECT seq FROM (SELECT seq, recorded_at FROM events WHERE seq <= (SELECT numbered_through FROM event_numbering) \
                ORDER BY seq LIMIT ?2) AS e WHERE recorded_at <= ",
            real_now!(),
            " - ?1 AND NOT EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.event_seq = e.seq)"
        ),
        "DELETE FROM events WHERE seq IN (SELECT value FROM json_each(?1))",
    ),
    (
        concat!(
            "SELECT seq FROM (SELECT seq, recorded_at FROM inbox ORDER BY seq LIMIT ?2) WHERE recorded_at <= ",
            real_now!(),
            " - ?1"
        ),
        "DELETE FROM inbox WHERE seq IN (SELECT value FROM json_each(?1))",
    ),
    (
        concat!(
            "SELECT rowid AS seq FROM idempotency_keys WHERE recorded_at <= ",
            real_now!(),
            " - ?1 AND claimed_until <= ",
            real_now!(),
            " ORDER BY recorded_at LIMIT ?2"
        ),
        "DELETE FROM idempotency_keys WHERE rowid IN (SELECT value FROM json_each(?1))",
    ),
];

impl Tx {
    pub(super) async fn purge_before(&mut self, age: Duration, limit: u32) -> Fallible<u64> {
        let mut purged = 0;
        for (find, delete) in OLD {
            let left = u64::from(limit).saturating_sub(purged);
            let query = sqlx::query(find).bind(duration_micros(age)).bind(i64::try_from(left).unwrap_or(i64::MAX));
            let rows = self.all(query).await?;
            let old = rows.iter().map(|row| Cells::new("purge", row).number("seq")).collect::<Fallible<Vec<_>>>()?;
            if !old.is_empty() {
                purged += self.execute(sqlx::query(delete).bind(json_numbers(old))).await?;
            }
        }
        Ok(purged)
    }
}
