//! Small fakes of the ports. Each keeps what it was told, and fails when a test says so.

mod dead;
mod plan;
mod release;
mod results;
mod sweep;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_control::{Role, StepError};
use paceline_domain::{Clock, SleepFuture, WorkspaceId};
use paceline_store::{
    StoreResult,
    events::{Event, EventStore},
    health::{HealthStore, StoreFigures},
};
use tokio_util::sync::CancellationToken;

pub(crate) use dead::{FakeDead, FakeDeadLetters};
pub(crate) use plan::FakePlans;
pub(crate) use release::{FakeJobs, FakeReleases};
pub(crate) use results::{FakeResultQueue, FakeResults};
pub(crate) use sweep::FakeSweeps;

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One step of a role that is not stopped.
pub(crate) async fn step(role: &mut impl Role) -> Result<Duration, StepError> {
    role.step(&CancellationToken::new()).await
}

/// A clock that stands, at a speed.
pub(crate) struct StillClock {
    now: Mutex<DateTime<Utc>>,
    speed: f64,
}

impl StillClock {
    pub(crate) fn at(now: DateTime<Utc>, speed: f64) -> Arc<Self> {
        Arc::new(Self { now: Mutex::new(now), speed })
    }
}

impl Clock for StillClock {
    fn now(&self) -> DateTime<Utc> {
        *lock(&self.now)
    }
    fn real_now(&self) -> DateTime<Utc> {
        *lock(&self.now)
    }
    fn speed(&self) -> f64 {
        self.speed
    }
    fn sleep_until(&self, _at: DateTime<Utc>) -> SleepFuture {
        Box::pin(std::future::pending())
    }
}

/// Errors to answer with before anything works, first to last.
#[derive(Debug)]
pub(crate) struct Failures<E>(Mutex<VecDeque<E>>);

impl<E> Default for Failures<E> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<E> Failures<E> {
    pub(crate) fn push(&self, error: E) {
        lock(&self.0).push_back(error);
    }
    pub(crate) fn next(&self) -> Result<(), E> {
        lock(&self.0).pop_front().map_or(Ok(()), Err)
    }
}

/// Events that wait for numbers.
#[derive(Default)]
pub(crate) struct FakeEvents {
    pub(crate) unnumbered: Mutex<u64>,
}

#[async_trait]
impl EventStore for FakeEvents {
    async fn number_events(&self, limit: u32) -> StoreResult<u64> {
        let mut unnumbered = lock(&self.unnumbered);
        let numbered = (*unnumbered).min(limit.into());
        *unnumbered -= numbered;
        Ok(numbered)
    }

    async fn last_event(&self) -> StoreResult<i64> {
        unreachable!("roles do not read events")
    }

    async fn list_events(&self, _workspace: WorkspaceId, _after: i64, _limit: u32) -> StoreResult<Vec<Event>> {
        Ok(Vec::new())
    }
}

/// Figures to show.
pub(crate) struct FakeHealth(pub(crate) StoreFigures);

#[async_trait]
impl HealthStore for FakeHealth {
    async fn ping(&self) -> StoreResult<()> {
        Ok(())
    }
    async fn figures(&self) -> StoreResult<StoreFigures> {
        Ok(self.0.clone())
    }
}
