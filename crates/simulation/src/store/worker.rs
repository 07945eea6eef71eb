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

use super::{NodeStore, unsuppressed};
use crate::{
    flaw::Flaw,
    trace::Short,
    world::{Port, World, at_once},
};

#[async_trait]
impl LeaseStore for NodeStore {
    async fn claim_leases(&self, wish: LeaseWish) -> StoreResult<Vec<Lease>> {
        let port = self.port.clone();
        self.call(move |world| {
            let leases = at_once(world.store.ledger.claim_leases(wish))?;
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
        self.call(move |world| at_once(world.store.ledger.renew_leases(&leases, ttl))).await
    }

    async fn release_lease(&self, sender: SenderId, epoch: Epoch) -> StoreResult<()> {
        let port = self.port.clone();
        self.call(move |world| {
            world.tell(&port, format_args!("releases the lease of {} epoch {}", Short(sender), epoch.0));
            at_once(world.store.ledger.release_lease(sender, epoch))
        })
        .await
    }

    async fn end_leases(&self, of: DeadHolder) -> StoreResult<u64> {
        self.call(move |world| at_once(world.store.ledger.end_leases(of))).await
    }

    async fn find_session(&self, sender: SenderId, device: i32) -> StoreResult<Option<SealedSession>> {
        self.call(move |world| at_once(world.store.ledger.find_session(sender, device))).await
    }

    async fn store_session(
        &self,
        sender: SenderId,
        device: i32,
        epoch: Epoch,
        session: Option<SealedSession>,
    ) -> StoreResult<Fenced<()>> {
        self.call(move |world| at_once(world.store.ledger.store_session(sender, device, epoch, session))).await
    }
}

#[async_trait]
impl IntentStore for NodeStore {
    async fn record_intents(&self, batch: IntentBatch) -> StoreResult<Fenced<IntentAnswer>> {
        self.hold_up().await;
        let port = self.port.clone();
        self.call(move |world| record_intents(world, &port, batch)).await
    }

    async fn record_outcomes(&self, outcomes: &[AttemptOutcome]) -> StoreResult<()> {
        let (port, outcomes) = (self.port.clone(), outcomes.to_vec());
        self.call(move |world| {
            for AttemptOutcome { message, attempt, outcome, .. } in &outcomes {
                world.tell(&port, format_args!("records {} attempt {attempt}: {}", Short(message), outcome.as_str()));
            }
            at_once(world.store.ledger.record_outcomes(&outcomes))?;
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
            let mut adopted = at_once(world.store.ledger.adopt_attempts(sender, epoch, worker, now))?;
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
fn record_intents(world: &mut World, port: &Port, mut batch: IntentBatch) -> StoreResult<Fenced<IntentAnswer>> {
    let asked_epoch = batch.epoch;
    if let Some(flaw) = world.flaw {
        world.store.maps.tamper(|tables| flaw.bend_batch(&mut batch, tables));
    }
    if world.flaw == Some(Flaw::LosesIntents) {
        world.store.maps.lose_next_commit();
    }
    let mut answer = unsuppressed(world, |store| at_once(store.ledger.record_intents(batch.clone())))?;
    let World { books, store, .. } = world;
    books.intend(&store.maps.look(), &batch, asked_epoch, &answer);
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
    Ok(answer)
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
        self.call(|world| at_once(world.store.ledger.list_windows())).await
    }

    async fn list_windows_of(&self, senders: &[SenderId]) -> StoreResult<Windows> {
        let senders = senders.to_vec();
        self.call(move |world| at_once(world.store.ledger.list_windows_of(&senders))).await
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
            let released = at_once(world.store.ledger.claim_due(round, &rooms, due_before, hold))?;
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
            at_once(world.store.ledger.give_back(&claims, put_off))
        })
        .await
    }

    async fn reclaim_lost(&self, sender: SenderId, epoch: Epoch, left: Duration) -> StoreResult<Fenced<u64>> {
        let port = self.port.clone();
        self.call(move |world| {
            if world.flaw == Some(Flaw::KeepsClaims) {
                return Ok(Fenced::Done(0));
            }
            let reclaimed = at_once(world.store.ledger.reclaim_lost(sender, epoch, left))?;
            world.tell(&port, format_args!("misses the jobs of {}: {reclaimed:?}", Short(sender)));
            Ok(reclaimed)
        })
        .await
    }

    async fn void_releases(&self) -> StoreResult<u64> {
        self.call(|world| at_once(world.store.ledger.void_releases())).await
    }
}

#[async_trait]
impl FleetStore for NodeStore {
    async fn report_worker(&self, report: WorkerReport, ttl: Duration) -> StoreResult<()> {
        self.call(move |world| at_once(world.store.ledger.report_worker(report, ttl))).await
    }

    async fn remove_worker(&self, worker: WorkerId) -> StoreResult<()> {
        self.call(move |world| at_once(world.store.ledger.remove_worker(worker))).await
    }

    async fn list_workers(&self) -> StoreResult<Vec<WorkerView>> {
        self.call(|world| at_once(world.store.ledger.list_workers())).await
    }

    async fn list_fleet_senders(&self, which: Which) -> StoreResult<Vec<Sender>> {
        self.call(move |world| at_once(world.store.ledger.list_fleet_senders(which))).await
    }

    async fn count_leases(&self) -> StoreResult<Vec<(WorkerId, u32)>> {
        self.call(|world| at_once(world.store.ledger.count_leases())).await
    }

    async fn count_shared_senders(&self, channels: &[ChannelKind]) -> StoreResult<u32> {
        let channels = channels.to_vec();
        self.call(move |world| at_once(world.store.ledger.count_shared_senders(&channels))).await
    }
}
