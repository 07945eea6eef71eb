//! Purging: what is old is removed, oldest first, at most so many rows at once. Skips what others hold. Each answers how many rows.

use std::time::Duration;

use async_trait::async_trait;

use crate::Fallible;

/// Statements of a transaction.
#[async_trait]
pub trait PurgeRows {
    /// Removes deliveries that were finished `age` ago or earlier.
    async fn purge_deliveries(&mut self, age: Duration, limit: u64) -> Fallible<u64>;

    /// Removes events that are numbered, were written `age` ago or earlier, and that no delivery wants.
    async fn purge_events(&mut self, age: Duration, limit: u64) -> Fallible<u64>;

    /// Removes ids from the inbox that were entered `age` ago or earlier.
    async fn purge_inbox(&mut self, age: Duration, limit: u64) -> Fallible<u64>;

    /// Removes idempotency keys that were written `age` ago or earlier, but for claims that hold.
    async fn purge_idempotency_keys(&mut self, age: Duration, limit: u64) -> Fallible<u64>;

    /// Removes dead letters that were received `age` ago or earlier, but for results that nobody has replayed.
    async fn purge_dead_letters(&mut self, age: Duration, limit: u64) -> Fallible<u64>;
}
