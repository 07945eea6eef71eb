//! The sweeper's role: every row that is not final has a deadline, and this is who acts when it passes.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::WorkerResult;

use crate::StoreResult;

/// Sweeping. Every method takes a `limit`, does at most so much in one transaction, and answers how much it did; a sweeper
/// calls again while that equals the limit.
#[async_trait]
pub trait SweepStore: Send + Sync {
    /// Scheduled campaigns whose `start_at` has come begin to run.
    async fn start_scheduled(&self, now: DateTime<Utc>, limit: u32) -> StoreResult<u64>;

    /// Running campaigns with every row decided and nothing waiting or sending are completed.
    async fn complete_campaigns(&self, now: DateTime<Utc>, limit: u32) -> StoreResult<u64>;

    /// Waiting messages whose `expires_at` has passed expire, paused campaigns included; released ones too.
    async fn expire_messages(&self, now: DateTime<Utc>, limit: u32) -> StoreResult<u64>;

    /// Waiting messages of cancelled campaigns are cancelled.
    async fn cancel_messages(&self, now: DateTime<Utc>, limit: u32) -> StoreResult<u64>;

    /// Releases whose deadline has passed are given back.
    async fn reclaim_releases(&self, limit: u32) -> StoreResult<u64>;

    /// Uploads whose ttl has passed are removed with their rows.
    async fn abort_stale_uploads(&self, limit: u32) -> StoreResult<u64>;

    /// Outcomes that were recorded at least `age` (real time) ago and whose message is still `sending`: their result was
    /// lost on the way and is to be applied again.
    async fn list_unapplied_outcomes(&self, age: Duration, limit: u32) -> StoreResult<Vec<WorkerResult>>;

    /// Orphaned intents older than `age` (real time) whose sender is removed or banned, so that no worker will settle them:
    /// their outcome is recorded as unknown.
    async fn lose_abandoned(&self, now: DateTime<Utc>, age: Duration, limit: u32) -> StoreResult<u64>;

    /// Messages that are unknown since at least `grace` (campaign time), of workspaces whose policy is not to hold them: each is
    /// failed or sent again as by [`crate::resolutions::ResolutionStore::resolve_message`]. The policy sends each message again once;
    /// what is unknown after that is held.
    async fn settle_unknown(&self, now: DateTime<Utc>, grace: Duration, limit: u32) -> StoreResult<u64>;

    /// Ends what waits to be delivered to endpoints that were switched off, and removes what waits for endpoints that were removed.
    async fn end_deliveries(&self, limit: u32) -> StoreResult<u64>;

    /// Removes what is kept for a time only: inbox rows, events, finished deliveries, idempotency keys, and dead letters that
    /// need nothing more of anyone, older than `age` (real time).
    async fn purge_before(&self, age: Duration, limit: u32) -> StoreResult<u64>;
}
