//! The roles that a worker plays.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{ChannelKind, Epoch, SenderId, WorkerId};
use paceline_store::{
    StoreResult,
    fleet::{FleetStore, Which, WorkerReport, WorkerView},
    intents::{AttemptOutcome, IntentAnswer, IntentBatch, IntentStore, OpenAttempt},
    leases::{DeadHolder, Fenced, Lease, LeaseStore, LeaseWish, Renewal, SealedSession},
    release::{Claim, PutOff, ReleaseRound, ReleaseStore, ReleasedMessage, Room, Windows},
    senders::Sender,
};

use super::NodeStore;
use crate::{
    flaw::Flaw,
    trace::Short,
    world::{Port, World},
};

#[async_trait]
impl LeaseStore for NodeStore {
    async fn claim_leases(&self, wish: LeaseWish) -> StoreResult<Vec<Lease>> {
        let port = self.port.clone();
        self.call(move |world| {
            let leases = world.memory.claim_leases(&wish);
            for lease in &leases {
                world.books.lease(lease.sender.id, lease.epoch);
                world.tell(&port, format_args!("leases {} epoch {}", Short(lease.sender.id), lease.epoch.0));
            }
            Ok(leases)
        })
        .await
    }

    async fn renew_leases(&self, leases: &[(SenderId, Epoch)], ttl: Duration) -> StoreResult<Vec<(SenderId, Renewal)>> {
        let leases = leases.to_vec();
        self.call(move |world| Ok(world.memory.renew_leases(&leases, ttl))).await
    }

    async fn release_lease(&self, sender: SenderId, epoch: Epoch) -> StoreResult<()> {
        let port = self.port.clone();
        self.call(move |world| {
            world.tell(&port, format_args!("releases the lease of {} epoch {}", Short(sender), epoch.0));
            world.memory.release_lease(sender, epoch);
            Ok(())
        })
        .await
    }

    async fn end_leases(&self, of: DeadHolder) -> StoreResult<u64> {
        self.call(move |world| Ok(world.memory.end_leases(of))).await
    }

    async fn find_session(&self, sender: SenderId, _device: i32) -> StoreResult<Option<SealedSession>> {
        self.call(move |world| Ok(world.memory.find_session(sender))).await
    }

    async fn store_session(
        &self,
        sender: SenderId,
        _device: i32,
        epoch: Epoch,
        session: Option<SealedSession>,
    ) -> StoreResult<Fenced<()>> {
        self.call(move |world| Ok(world.memory.store_session(sender, epoch, session))).await
    }
}

#[async_trait]
impl IntentStore for NodeStore {
    async fn record_intents(&self, batch: IntentBatch) -> StoreResult<Fenced<IntentAnswer>> {
        self.hold_up().await;
        let port = self.port.clone();
        self.call(move |world| Ok(record_intents(world, &port, batch))).await
    }

    async fn record_outcomes(&self, outcomes: &[AttemptOutcome]) -> StoreResult<()> {
        let (port, outcomes) = (self.port.clone(), outcomes.to_vec());
        self.call(move |world| {
            for AttemptOutcome { message, attempt, outcome, .. } in &outcomes {
                world.tell(&port, format_args!("records {} attempt {attempt}: {}", Short(message), outcome.as_str()));
            }
            world.memory.record_outcomes(&outcomes);
            world.step(&port);
            Ok(())
        })
        .await
    }

    async fn adopt_attempts(
        &self,
        sender: SenderId,
        epoch: Epoch,
        worker: WorkerId,
        now: DateTime<Utc>,
    ) -> StoreResult<Fenced<Vec<OpenAttempt>>> {
        let port = self.port.clone();
        self.call(move |world| {
            let mut adopted = world.memory.adopt_attempts(sender, epoch, worker, now);
            if let Some(flaw) = world.flaw {
                flaw.bend_adopted(&mut adopted, &mut world.chance);
            }
            if let Fenced::Done(adopted) = &adopted {
                world.step(&port);
                for open in adopted {
                    let known = open.outcome.as_ref().map_or("an orphan", |(outcome, _)| outcome.as_str());
                    world.tell(&port, format_args!("adopts {} attempt {}: {known}", Short(open.message), open.attempt));
                }
            }
            Ok(adopted)
        })
        .await
    }
}

/// The intents, and what the books say about each grant.
fn record_intents(world: &mut World, port: &Port, mut batch: IntentBatch) -> Fenced<IntentAnswer> {
    let asked_epoch = batch.epoch;
    if let Some(flaw) = world.flaw {
        flaw.bend_batch(&mut batch, &mut world.memory);
    }
    let suppressions = match world.flaw {
        Some(Flaw::IgnoresSuppressions) => Some(std::mem::take(&mut world.memory.suppressions)),
        _ => None,
    };
    let before = (world.flaw == Some(Flaw::LosesIntents)).then(|| {
        let account = world.memory.campaigns.clone();
        (world.memory.messages.clone(), account, world.memory.singles)
    });
    let mut answer = world.memory.record_intents(&batch);
    if let Some(suppressions) = suppressions {
        world.memory.suppressions = suppressions;
    }
    world.books.intend(&world.memory, &batch, asked_epoch, &answer);
    if let Some((messages, campaigns, singles)) = before {
        (world.memory.messages, world.memory.campaigns, world.memory.singles) = (messages, campaigns, singles);
        world.memory.moved.clear();
    }
    if let Some(flaw) = world.flaw {
        flaw.bend_answer(&mut answer, &mut world.chance);
    }
    match &answer {
        Fenced::LeaseLost => {
            world.tell(port, format_args!("is refused an intent: {} epoch {}", Short(batch.sender), asked_epoch.0));
        }
        Fenced::Done(done) => {
            world.step(port);
            for (message, verdict) in &done.items {
                world.tell(port, format_args!("intends {}: {}", Short(message), word(verdict)));
            }
        }
    }
    answer
}

const fn word(verdict: &paceline_store::intents::IntentVerdict) -> &'static str {
    match verdict {
        paceline_store::intents::IntentVerdict::Granted(_) => "granted",
        paceline_store::intents::IntentVerdict::Refused(refusal) => refusal.as_str(),
    }
}

#[async_trait]
impl ReleaseStore for NodeStore {
    async fn list_windows(&self) -> StoreResult<Windows> {
        self.call(|world| Ok(world.memory.list_windows())).await
    }

    async fn claim_due(
        &self,
        round: ReleaseRound,
        rooms: &[Room],
        due_before: DateTime<Utc>,
        hold: Duration,
    ) -> StoreResult<Vec<ReleasedMessage>> {
        let (port, rooms) = (self.port.clone(), rooms.to_vec());
        self.call(move |world| {
            let released = world.memory.claim_due(round, &rooms, due_before, hold);
            world.step(&port);
            for released in &released {
                let (message, sender) = (Short(released.message), Short(released.sender));
                world.tell(&port, format_args!("claims {message} for {sender}, release {}", released.generation.0));
            }
            Ok(released)
        })
        .await
    }

    async fn give_back(&self, claims: &[Claim], put_off: PutOff) -> StoreResult<()> {
        let (port, claims) = (self.port.clone(), claims.to_vec());
        self.call(move |world| {
            for claim in &claims {
                world.tell(&port, format_args!("gives back {}: {}", Short(claim.message), put_off.waits_for));
            }
            world.memory.give_back(&claims, put_off);
            Ok(())
        })
        .await
    }

    async fn reclaim_missing(&self, sender: SenderId, epoch: Epoch, left: Duration) -> StoreResult<Fenced<u64>> {
        let port = self.port.clone();
        self.call(move |world| {
            if world.flaw == Some(Flaw::KeepsClaims) {
                return Ok(Fenced::Done(0));
            }
            let reclaimed = world.memory.reclaim_missing(sender, epoch, left);
            world.tell(&port, format_args!("misses the jobs of {}: {reclaimed:?}", Short(sender)));
            Ok(reclaimed)
        })
        .await
    }

    async fn void_releases(&self) -> StoreResult<u64> {
        self.call(|world| Ok(world.memory.void_releases())).await
    }
}

#[async_trait]
impl FleetStore for NodeStore {
    async fn report_worker(&self, report: WorkerReport, ttl: Duration) -> StoreResult<()> {
        self.call(move |world| {
            world.memory.report_worker(report, ttl);
            Ok(())
        })
        .await
    }

    async fn remove_worker(&self, worker: WorkerId) -> StoreResult<()> {
        self.call(move |world| {
            world.memory.remove_worker(worker);
            Ok(())
        })
        .await
    }

    async fn list_workers(&self) -> StoreResult<Vec<WorkerView>> {
        self.call(|world| Ok(world.memory.list_workers())).await
    }

    async fn list_fleet_senders(&self, which: Which) -> StoreResult<Vec<Sender>> {
        self.call(move |world| Ok(world.memory.list_fleet_senders(&which))).await
    }

    async fn count_leases(&self) -> StoreResult<Vec<(WorkerId, u32)>> {
        self.call(|world| Ok(world.memory.count_leases())).await
    }

    async fn count_shared_senders(&self, channels: &[ChannelKind]) -> StoreResult<u32> {
        let channels = channels.to_vec();
        self.call(move |world| Ok(world.memory.count_shared_senders(&channels))).await
    }
}
