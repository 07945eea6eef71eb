//! Purging, oldest first and in pieces. Inbox and events are read from their old end, whose order is, nearly, that of their age.

use crate::prelude::*;

const DELIVERIES: &str = concat!(
    "DELETE FROM webhook_deliveries WHERE seq = ANY(ARRAY(SELECT d.seq FROM webhook_deliveries d \
        WHERE d.recorded_at IS NOT NULL AND d.recorded_at <= ",
    statement_now!(),
    " - ",
    micros_of!("$1"),
    " ORDER BY d.recorded_at LIMIT $2 FOR UPDATE SKIP LOCKED))"
);

const INBOX: &str = concat!(
    "DELETE FROM inbox WHERE seq = ANY(ARRAY(SELECT i.seq FROM (SELECT seq, recorded_at FROM inbox ORDER BY seq LIMIT $2 \
        FOR UPDATE SKIP LOCKED) i WHERE i.recorded_at <= ",
    real_now!(),
    " - ",
    micros_of!("$1"),
    "))"
);

const IDEMPOTENCY_KEYS: &str = concat!(
    "DELETE FROM idempotency_keys k USING (SELECT f.workspace_id, f.key FROM idempotency_keys f WHERE f.recorded_at <= ",
    statement_now!(),
    " - ",
    micros_of!("$1"),
    " AND (f.status IS NOT NULL OR f.claimed_until <= ",
    real_now!(),
    ") ORDER BY f.recorded_at LIMIT $2 FOR UPDATE SKIP LOCKED) old \
     WHERE k.workspace_id = old.workspace_id AND k.key = old.key"
);

/// A result that nobody has replayed is kept.
const DEAD_LETTERS: &str = concat!(
    "DELETE FROM dead_letters WHERE seq = ANY(ARRAY(SELECT d.seq FROM dead_letters d \
        WHERE (d.replayed_at IS NOT NULL OR d.kind <> 'result') AND d.received_at <= ",
    statement_now!(),
    " - ",
    micros_of!("$1"),
    " ORDER BY d.seq LIMIT $2 FOR UPDATE SKIP LOCKED))"
);

const EVENTS: &str = concat!(
    "SELECT e.seq, e.number IS NOT NULL AND e.recorded_at <= ",
    real_now!(),
    " - ",
    micros_of!("$1"),
    " AS old, EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.event_seq = e.seq OFFSET 0) AS wanted FROM events e \
     WHERE e.seq > $2 ORDER BY e.seq LIMIT $3"
);

#[async_trait]
impl PurgeRows for Tx {
    async fn purge_deliveries(&mut self, age: Duration, limit: u64) -> Fallible<u64> {
        self.purge(DELIVERIES, age, limit).await
    }

    /// Walks from the oldest event up to the first that is too young or has no number yet, past those whose deliveries are not
    /// finished.
    async fn purge_events(&mut self, age: Duration, limit: u64) -> Fallible<u64> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let (mut unwanted, mut after) = (Vec::new(), Some(0_i64));
        while let Some(from) = after.take().filter(|_| unwanted.len() < limit) {
            let page = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = self.all(sqlx::query(EVENTS).bind(duration_micros(age)).bind(from).bind(page)).await?;
            after = columns::unwanted_events(&rows, limit, &mut unwanted)?;
        }
        if unwanted.is_empty() {
            return Ok(0);
        }
        self.execute(sqlx::query("DELETE FROM events WHERE seq = ANY($1)").bind(unwanted)).await
    }

    async fn purge_inbox(&mut self, age: Duration, limit: u64) -> Fallible<u64> {
        self.purge(INBOX, age, limit).await
    }

    async fn purge_idempotency_keys(&mut self, age: Duration, limit: u64) -> Fallible<u64> {
        self.purge(IDEMPOTENCY_KEYS, age, limit).await
    }

    async fn purge_dead_letters(&mut self, age: Duration, limit: u64) -> Fallible<u64> {
        self.purge(DEAD_LETTERS, age, limit).await
    }
}

impl Tx {
    async fn purge(&mut self, statement: &'static str, age: Duration, limit: u64) -> Fallible<u64> {
        if limit == 0 {
            return Ok(0);
        }
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.execute(sqlx::query(statement).bind(duration_micros(age)).bind(limit)).await
    }
}
