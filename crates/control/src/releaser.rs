//! The releaser: messages that are due are claimed for senders with room and published as jobs.
//!
//! Never a backlog: what is published is what workers take within two minutes, so that a pause, a cancellation or a newer,
//! more urgent message finds nothing in its way.

mod jobs;
mod rooms;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use paceline_domain::{Clock, Job, SenderId};
use paceline_failpoints::{self as failpoints, Failpoint};
use paceline_pacing::Profiles;
use paceline_queue::{JobQueue, Publication, QueueError, QueueResult};
use paceline_store::release::{Claim, PutOff, ReleaseRound, ReleaseStore, SenderWindow, Windows};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{Meters, ReleaseOptions, Role, StepError};
use rooms::Fleet;

/// What a releaser works with.
pub struct ReleaserDeps {
    /// Where the messages are.
    pub store: Arc<dyn ReleaseStore>,
    /// Where the jobs go.
    pub queue: Arc<dyn JobQueue>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// The pacing profiles by name.
    pub profiles: Arc<Profiles>,
    /// What it counts.
    pub meters: Arc<Meters>,
}

/// The releaser.
pub struct Releaser {
    deps: ReleaserDeps,
    options: ReleaseOptions,
    /// Senders whose queue is known to exist; a returned job takes its sender out.
    declared: HashSet<SenderId>,
    /// Senders whose queue was full or refused, and when it is worth another try.
    left_until: HashMap<SenderId, Instant>,
    /// Profiles that no configuration names, so that the log says so once.
    unknown_profiles: HashSet<String>,
    idle: Duration,
    /// When the whole fleet was looked at, and which senders the last look found worth another one.
    looked: Option<(Instant, Vec<SenderId>)>,
}

impl Releaser {
    /// A releaser.
    pub fn new(deps: ReleaserDeps, options: ReleaseOptions) -> Self {
        let (declared, left_until, unknown_profiles) = (HashSet::new(), HashMap::new(), HashSet::new());
        let idle = options.busy;
        Self { deps, options, declared, left_until, unknown_profiles, idle, looked: None }
    }

    /// Claims for the whole fleet at once, and publishes. Answers how many messages were released.
    async fn release(&mut self, round: ReleaseRound, fleet: &Fleet) -> Result<usize, StepError> {
        let senders: Vec<_> = fleet.rooms.iter().map(|room| room.sender).collect();
        self.declare(&senders).await?;
        let mut rooms = fleet.rooms.clone();
        rooms.retain(|room| self.declared.contains(&room.sender));
        let released = self.deps.store.claim_due(round, &rooms, fleet.now, self.options.hold).await?;
        for message in &released {
            self.deps.meters.released.with_label_values(&[message.lane.as_str()]).inc();
        }
        let count = released.len();
        if count > 0 {
            failpoints::pass(Failpoint::ReleaserClaimed);
            self.publish(jobs::of(released, &fleet.unpaced)).await?;
        }
        Ok(count)
    }

    /// Declared before anything is claimed for them, so that a broker that is away leaves no claims behind.
    async fn declare(&mut self, senders: &[SenderId]) -> QueueResult<()> {
        let new: Vec<_> = senders.iter().copied().filter(|sender| !self.declared.contains(sender)).collect();
        if new.is_empty() {
            return Ok(());
        }
        match self.deps.queue.declare_senders(&new).await {
            Ok(()) => self.declared.extend(new),
            Err(QueueError::Refused { .. }) => self.declare_one_by_one(&new).await?,
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// One queue that the broker refuses to have stands in nobody else's way.
    async fn declare_one_by_one(&mut self, senders: &[SenderId]) -> QueueResult<()> {
        for &sender in senders {
            match self.deps.queue.declare_senders(&[sender]).await {
                Ok(()) => {
                    self.declared.insert(sender);
                }
                Err(error @ QueueError::Refused { .. }) => {
                    tracing::error!(sender.id = %sender, %error, "the sender's messages wait: its queue cannot be declared");
                    self.left_until.insert(sender, Instant::now() + self.options.refused_pause);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// What the broker does not have, or may not have, is given back. A job that has arrived after all is of a release that does not
    /// hold any more, so that no intent is granted to it; the next release makes another job.
    async fn publish(&mut self, jobs: Vec<Job>) -> Result<(), StepError> {
        let claims: Vec<_> = jobs.iter().map(|job| (job.sender, claims_of(job))).collect();
        let publications = match self.deps.queue.publish_jobs(jobs).await {
            Ok(publications) => publications,
            Err(error) => {
                // Declared before anything is claimed again: that fails, and leaves no claims, for as long as the broker is away.
                self.declared.clear();
                let claims: Vec<_> = claims.into_iter().flat_map(|(_, claims)| claims).collect();
                self.give_back(&claims, "broker_away").await?;
                return Err(error.into());
            }
        };
        failpoints::pass(Failpoint::ReleaserPublished);
        let (mut returned, mut rejected) = (Vec::new(), Vec::new());
        for ((sender, claims), publication) in claims.into_iter().zip(publications) {
            self.deps.meters.publications.with_label_values(&[answer(publication)]).inc();
            match publication {
                Publication::Confirmed => {}
                Publication::Returned => {
                    self.declared.remove(&sender);
                    returned.extend(claims);
                }
                Publication::Rejected => {
                    self.left_until.insert(sender, Instant::now() + self.options.full_pause);
                    rejected.extend(claims);
                }
            }
        }
        self.give_back(&returned, "queue_missing").await?;
        self.give_back(&rejected, "queue_full").await
    }

    async fn give_back(&self, claims: &[Claim], waits_for: &'static str) -> Result<(), StepError> {
        if !claims.is_empty() {
            self.deps.store.give_back(claims, PutOff { not_before: None, waits_for }).await?;
        }
        Ok(())
    }

    /// The windows of the whole fleet when it is time to look at it, else of those that were worth another look. Where campaign time runs
    /// fast, so does the fleet.
    async fn windows(&mut self) -> Result<Windows, StepError> {
        let whole = self.options.whole.div_f64(self.deps.clock.speed().max(1.0));
        match &self.looked {
            Some((at, watched)) if at.elapsed() < whole => Ok(self.deps.store.list_windows_of(watched).await?),
            _ => {
                let windows = self.deps.store.list_windows().await?;
                self.looked = Some((Instant::now(), Vec::new()));
                Ok(windows)
            }
        }
    }

    /// The rooms of the fleet, without senders whose queue was full or refused a moment ago.
    fn look_at(&mut self, windows: &[SenderWindow]) -> Fleet {
        let now = Instant::now();
        self.left_until.retain(|_, until| *until > now);
        let windows = windows.iter().filter(|window| !self.left_until.contains_key(&window.sender.id));
        let fleet = Fleet::of(windows, &self.deps.profiles, self.deps.clock.as_ref(), &self.options);
        for profile in &fleet.unknown_profiles {
            if self.unknown_profiles.insert(profile.clone()) {
                tracing::error!(profile, "senders have a pacing profile that is not configured; they send nothing");
            }
        }
        fleet
    }

    fn grow_idle(&mut self) -> Duration {
        let pause = self.idle;
        self.idle = (self.idle * 2).min(self.options.idle);
        pause
    }
}

impl Role for Releaser {
    fn name(&self) -> &'static str {
        "releaser"
    }

    async fn step(&mut self, _stop: &CancellationToken) -> Result<Duration, StepError> {
        let began = Instant::now();
        let windows = self.windows().await?;
        let fleet = self.look_at(&windows.senders);
        if let Some((_, watched)) = &mut self.looked {
            watched.clone_from(&fleet.watched);
        }
        if fleet.rooms.is_empty() {
            return Ok(self.grow_idle());
        }
        let released = self.release(windows.round, &fleet).await?;
        if released == 0 {
            return Ok(self.grow_idle());
        }
        self.idle = self.options.busy;
        // A fleet so large that a step takes long must not spend all of its time looking.
        Ok(if fleet.cut { Duration::ZERO } else { self.options.busy.max(began.elapsed()) })
    }
}

fn claims_of(job: &Job) -> Vec<Claim> {
    job.items.iter().map(|item| Claim { message: item.message, generation: item.generation }).collect()
}

const fn answer(publication: Publication) -> &'static str {
    match publication {
        Publication::Confirmed => "confirmed",
        Publication::Returned => "returned",
        Publication::Rejected => "rejected",
    }
}
