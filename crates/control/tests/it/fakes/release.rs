//! A fleet with messages to release, and a broker that answers as it is told.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Mutex,
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{Epoch, Job, SenderId};
use paceline_queue::{JobConsumer, JobQueue, Publication, QueueError, QueueResult};
use paceline_store::{
    StoreError, StoreResult,
    leases::Fenced,
    release::{Claim, PutOff, ReleaseRound, ReleaseStore, ReleasedMessage, Room, SenderWindow, Windows},
};

use super::{Failures, lock};

/// One call of `claim_due`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClaimCall {
    pub(crate) rooms: Vec<Room>,
    pub(crate) due_before: DateTime<Utc>,
    pub(crate) hold: Duration,
}

#[derive(Default)]
pub(crate) struct FakeReleases {
    pub(crate) windows: Mutex<Vec<SenderWindow>>,
    /// Which senders were looked at when not all were.
    pub(crate) partial_looks: Mutex<Vec<Vec<SenderId>>>,
    /// What the next claims answer with.
    pub(crate) due: Mutex<VecDeque<Vec<ReleasedMessage>>>,
    pub(crate) claims: Mutex<Vec<ClaimCall>>,
    pub(crate) given_back: Mutex<Vec<(Vec<Claim>, PutOff)>>,
    pub(crate) failures: Failures<StoreError>,
}

#[async_trait]
impl ReleaseStore for FakeReleases {
    async fn list_windows(&self) -> StoreResult<Windows> {
        self.failures.next()?;
        Ok(Windows { round: ReleaseRound(7), senders: lock(&self.windows).clone() })
    }

    async fn list_windows_of(&self, senders: &[SenderId]) -> StoreResult<Windows> {
        self.failures.next()?;
        lock(&self.partial_looks).push(senders.to_vec());
        let mut windows = lock(&self.windows).clone();
        windows.retain(|window| senders.contains(&window.sender.id));
        Ok(Windows { round: ReleaseRound(7), senders: windows })
    }

    async fn claim_due(
        &self,
        round: ReleaseRound,
        rooms: &[Room],
        due_before: DateTime<Utc>,
        hold: Duration,
    ) -> StoreResult<Vec<ReleasedMessage>> {
        assert_eq!(round, ReleaseRound(7), "the round of the windows");
        lock(&self.claims).push(ClaimCall { rooms: rooms.to_vec(), due_before, hold });
        Ok(lock(&self.due).pop_front().unwrap_or_default())
    }

    async fn give_back(&self, claims: &[Claim], put_off: PutOff) -> StoreResult<()> {
        lock(&self.given_back).push((claims.to_vec(), put_off));
        Ok(())
    }

    async fn reclaim_lost(&self, _: SenderId, _: Epoch, _: Duration) -> StoreResult<Fenced<u64>> {
        unreachable!("only a worker knows what it misses")
    }

    async fn void_releases(&self) -> StoreResult<u64> {
        Ok(0)
    }
}

#[derive(Default)]
pub(crate) struct FakeJobs {
    pub(crate) declared: Mutex<Vec<Vec<SenderId>>>,
    pub(crate) published: Mutex<Vec<Job>>,
    /// The answers for senders whose jobs are not confirmed.
    pub(crate) answers: Mutex<HashMap<SenderId, Publication>>,
    pub(crate) declare_failures: Failures<QueueError>,
    /// Senders whose queue the broker refuses to have.
    pub(crate) refused: Mutex<HashSet<SenderId>>,
    pub(crate) publish_failures: Failures<QueueError>,
}

#[async_trait]
impl JobQueue for FakeJobs {
    async fn declare_senders(&self, senders: &[SenderId]) -> QueueResult<()> {
        self.declare_failures.next()?;
        let refused = lock(&self.refused);
        if senders.iter().any(|sender| refused.contains(sender)) {
            let reason = "a queue of other arguments is in the way".to_owned();
            return Err(QueueError::Refused { reason, cure: "delete it".to_owned() });
        }
        lock(&self.declared).push(senders.to_vec());
        Ok(())
    }

    async fn publish_jobs(&self, jobs: Vec<Job>) -> QueueResult<Vec<Publication>> {
        self.publish_failures.next()?;
        let answers = lock(&self.answers);
        let publications =
            jobs.iter().map(|job| answers.get(&job.sender).copied().unwrap_or(Publication::Confirmed)).collect();
        lock(&self.published).extend(jobs);
        Ok(publications)
    }

    async fn consume_jobs(&self, _sender: SenderId, _prefetch: u16) -> QueueResult<Box<dyn JobConsumer>> {
        Err(crate::builders::broker_away())
    }

    async fn remove_sender(&self, _sender: SenderId) -> QueueResult<()> {
        Ok(())
    }
}
