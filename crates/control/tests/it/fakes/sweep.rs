//! A store whose deadlines have passed so and so often.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::WorkerResult;
use paceline_store::{StoreError, StoreResult, sweep::SweepStore};

use super::{Failures, lock};

#[derive(Default)]
pub(crate) struct FakeSweeps {
    /// How many rows each duty finds, by its word.
    pub(crate) due: Mutex<HashMap<&'static str, u64>>,
    /// Every call: the duty's word and how many rows it moved.
    pub(crate) calls: Mutex<Vec<(&'static str, u64)>>,
    pub(crate) lost: Mutex<Vec<WorkerResult>>,
    pub(crate) expire_failures: Failures<StoreError>,
}

impl FakeSweeps {
    fn sweep(&self, duty: &'static str, limit: u32) -> u64 {
        let mut due = lock(&self.due);
        let left = due.entry(duty).or_default();
        let swept = (*left).min(limit.into());
        *left -= swept;
        lock(&self.calls).push((duty, swept));
        swept
    }

    pub(crate) fn calls_of(&self, duty: &str) -> Vec<u64> {
        lock(&self.calls).iter().filter(|(name, _)| *name == duty).map(|(_, swept)| *swept).collect()
    }
}

#[async_trait]
impl SweepStore for FakeSweeps {
    async fn start_scheduled(&self, _now: DateTime<Utc>, limit: u32) -> StoreResult<u64> {
        Ok(self.sweep("start_scheduled", limit))
    }
    async fn complete_campaigns(&self, _now: DateTime<Utc>, limit: u32) -> StoreResult<u64> {
        Ok(self.sweep("complete_campaigns", limit))
    }
    async fn expire_messages(&self, _now: DateTime<Utc>, limit: u32) -> StoreResult<u64> {
        self.expire_failures.next()?;
        Ok(self.sweep("expire_messages", limit))
    }
    async fn cancel_messages(&self, _now: DateTime<Utc>, limit: u32) -> StoreResult<u64> {
        Ok(self.sweep("cancel_messages", limit))
    }
    async fn reclaim_releases(&self, limit: u32) -> StoreResult<u64> {
        Ok(self.sweep("reclaim_releases", limit))
    }
    async fn abort_stale_uploads(&self, limit: u32) -> StoreResult<u64> {
        Ok(self.sweep("abort_stale_uploads", limit))
    }
    async fn list_unapplied_outcomes(&self, age: Duration, _limit: u32) -> StoreResult<Vec<WorkerResult>> {
        assert_eq!(age, Duration::from_secs(10));
        Ok(lock(&self.lost).clone())
    }
    async fn lose_abandoned(&self, _now: DateTime<Utc>, age: Duration, limit: u32) -> StoreResult<u64> {
        assert!(age >= Duration::from_mins(1), "a resend may still come");
        Ok(self.sweep("lose_abandoned", limit))
    }
    async fn settle_unknown(&self, _now: DateTime<Utc>, grace: Duration, limit: u32) -> StoreResult<u64> {
        assert_eq!(grace, Duration::from_mins(10));
        Ok(self.sweep("settle_unknown", limit))
    }
    async fn end_deliveries(&self, limit: u32) -> StoreResult<u64> {
        Ok(self.sweep("end_deliveries", limit))
    }
    async fn purge_before(&self, age: Duration, limit: u32) -> StoreResult<u64> {
        assert_eq!(age, Duration::from_hours(30 * 24));
        Ok(self.sweep("purge", limit))
    }
}
