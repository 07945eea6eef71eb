//! Purging: what is old is removed, oldest first, at most so many rows at once.

use std::{collections::HashSet, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::DeadLetterKind;
use paceline_ledger::{Fallible, rows::PurgeRows};

use super::Tables;

/// The keys of the oldest rows, `before` or at that time.
fn oldest<K: Ord>(rows: impl Iterator<Item = (DateTime<Utc>, K)>, before: DateTime<Utc>, limit: u64) -> Vec<K> {
    let mut old: Vec<(DateTime<Utc>, K)> = rows.filter(|(at, _)| *at <= before).collect();
    old.sort_unstable();
    old.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    old.into_iter().map(|(_, key)| key).collect()
}

#[async_trait]
impl PurgeRows for Tables {
    async fn purge_deliveries(&mut self, age: Duration, limit: u64) -> Fallible<u64> {
        let finished = self.deliveries.iter().filter_map(|(seq, entry)| Some((entry.recorded_at?, *seq)));
        let old = oldest(finished, self.before(age), limit);
        Ok(self.deliveries.remove_all(&old))
    }

    async fn purge_events(&mut self, age: Duration, limit: u64) -> Fallible<u64> {
        let wanted: HashSet<i64> = self.deliveries.values().map(|entry| entry.event_seq).collect();
        let numbered = self.events.range(..=self.numbered());
        let unwanted = numbered.filter(|(seq, _)| !wanted.contains(seq));
        let old = oldest(unwanted.map(|(seq, event)| (event.recorded_at, *seq)), self.before(age), limit);
        Ok(self.events.remove_all(old))
    }

    async fn purge_inbox(&mut self, age: Duration, limit: u64) -> Fallible<u64> {
        let old = oldest(self.inbox.iter().map(|(id, at)| (*at, *id)), self.before(age), limit);
        Ok(self.inbox.remove_all(old))
    }

    async fn purge_idempotency_keys(&mut self, age: Duration, limit: u64) -> Fallible<u64> {
        let now = self.now;
        let over = self.idempotency_keys.iter().filter(|(_, key)| key.answer.is_some() || key.claimed_until <= now);
        let old = oldest(over.map(|(place, key)| (key.recorded_at, place.clone())), self.before(age), limit);
        Ok(self.idempotency_keys.remove_all(old))
    }

    async fn purge_dead_letters(&mut self, age: Duration, limit: u64) -> Fallible<u64> {
        let done = self
            .dead_letters
            .iter()
            .filter(|(_, letter)| letter.replayed_at.is_some() || letter.body.kind() != DeadLetterKind::Result);
        let old = oldest(done.map(|(seq, letter)| (letter.received_at, *seq)), self.before(age), limit);
        Ok(self.dead_letters.remove_all(&old))
    }
}
