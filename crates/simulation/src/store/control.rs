//! The roles that the control plane plays, besides releasing.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{ResultBody, WorkerResult, WorkspaceId};
use paceline_store::{
    StoreResult,
    campaigns::Campaign,
    dead_letters::{DeadLetterSink, NewDeadLetter},
    events::{Event, EventStore},
    plan::{PlanStore, PlannedBatch, PlanningCampaign, UnplannedRow},
    results::{ApplySummary, ResultStore, ResultToApply},
    sweep::SweepStore,
};

use super::{NodeStore, unsuppressed};
use crate::{
    flaw::Flaw,
    memory::Tables,
    trace::Short,
    world::{World, at_once},
};

#[async_trait]
impl PlanStore for NodeStore {
    async fn list_planning(&self, limit: u32) -> StoreResult<Vec<PlanningCampaign>> {
        self.call(move |world| at_once(world.store.ledger.list_planning(limit))).await
    }

    async fn list_unplanned(&self, campaign: &Campaign, after_row: i64, limit: u32) -> StoreResult<Vec<UnplannedRow>> {
        let campaign = campaign.clone();
        self.call(move |world| {
            unsuppressed(world, |store| at_once(store.ledger.list_unplanned(&campaign, after_row, limit)))
        })
        .await
    }

    async fn record_plan(&self, batch: PlannedBatch) -> StoreResult<()> {
        let port = self.port.clone();
        self.call(move |world| {
            let (campaign, through, messages) = (batch.campaign, batch.through_row, batch.messages.len());
            unsuppressed(world, |store| at_once(store.ledger.record_plan(batch)))?;
            world.tell(&port, format_args!("plans {} through row {through}: {messages} messages", Short(campaign)));
            Ok(())
        })
        .await
    }
}

#[async_trait]
impl ResultStore for NodeStore {
    async fn apply_results(&self, results: &[ResultToApply], now: DateTime<Utc>) -> StoreResult<ApplySummary> {
        let (port, results) = (self.port.clone(), results.to_vec());
        self.call(move |world| {
            if world.flaw == Some(Flaw::ForgetsInbox) {
                world.store.maps.tamper(Tables::forget_inbox);
            }
            let summary = at_once(world.store.ledger.apply_results(&results, now))?;
            world.books.apply(&results, &summary);
            world.step(&port);
            for result in &results {
                tell_result(world, &port, &result.result);
            }
            Ok(summary)
        })
        .await
    }
}

fn tell_result(world: &mut World, port: &crate::world::Port, result: &WorkerResult) {
    match &result.body {
        ResultBody::Attempt { message, attempt, outcome, .. } => {
            let state =
                world.store.maps.look().messages.find(*message).map_or("gone", |message| message.state.as_str());
            let outcome = outcome.as_str();
            world.tell(port, format_args!("applies {} attempt {attempt}: {outcome}, now {state}", Short(message)));
        }
        ResultBody::Receipt(receipt) => {
            world.tell(port, format_args!("applies {} {}", Short(&receipt.id), receipt.kind));
        }
        ResultBody::Inbound(inbound) => world.tell(port, format_args!("applies inbound {}", Short(&inbound.id))),
        ResultBody::Session(change) => {
            world.tell(port, format_args!("applies {} {}", Short(result.sender), change.state));
        }
    }
}

#[async_trait]
impl EventStore for NodeStore {
    async fn number_events(&self, limit: u32) -> StoreResult<u64> {
        self.call(move |world| at_once(world.store.ledger.number_events(limit))).await
    }

    async fn last_event(&self) -> StoreResult<i64> {
        self.call(move |world| at_once(world.store.ledger.last_event())).await
    }

    async fn list_events(&self, workspace: WorkspaceId, after: i64, limit: u32) -> StoreResult<Vec<Event>> {
        self.call(move |world| at_once(world.store.ledger.list_events(workspace, after, limit))).await
    }
}

#[async_trait]
impl SweepStore for NodeStore {
    async fn start_scheduled(&self, now: DateTime<Utc>, limit: u32) -> StoreResult<u64> {
        self.sweep("starts campaigns", move |world| at_once(world.store.ledger.start_scheduled(now, limit))).await
    }

    async fn complete_campaigns(&self, now: DateTime<Utc>, limit: u32) -> StoreResult<u64> {
        self.sweep("completes campaigns", move |world| at_once(world.store.ledger.complete_campaigns(now, limit))).await
    }

    async fn expire_messages(&self, now: DateTime<Utc>, limit: u32) -> StoreResult<u64> {
        self.sweep("expires messages", move |world| at_once(world.store.ledger.expire_messages(now, limit))).await
    }

    async fn cancel_messages(&self, now: DateTime<Utc>, limit: u32) -> StoreResult<u64> {
        self.sweep("cancels messages", move |world| at_once(world.store.ledger.cancel_messages(now, limit))).await
    }

    async fn reclaim_releases(&self, limit: u32) -> StoreResult<u64> {
        self.sweep("reclaims releases", move |world| match world.flaw {
            Some(Flaw::KeepsClaims) => Ok(0),
            _ => at_once(world.store.ledger.reclaim_releases(limit)),
        })
        .await
    }

    async fn abort_stale_uploads(&self, limit: u32) -> StoreResult<u64> {
        self.sweep("aborts uploads", move |world| at_once(world.store.ledger.abort_stale_uploads(limit))).await
    }

    async fn list_unapplied_outcomes(&self, age: Duration, limit: u32) -> StoreResult<Vec<WorkerResult>> {
        self.call(move |world| at_once(world.store.ledger.list_unapplied_outcomes(age, limit))).await
    }

    async fn lose_abandoned(&self, now: DateTime<Utc>, age: Duration, limit: u32) -> StoreResult<u64> {
        let lose = move |world: &mut World| at_once(world.store.ledger.lose_abandoned(now, age, limit));
        self.sweep("loses abandoned intents", lose).await
    }

    async fn settle_unknown(&self, now: DateTime<Utc>, grace: Duration, limit: u32) -> StoreResult<u64> {
        let settle = move |world: &mut World| at_once(world.store.ledger.settle_unknown(now, grace, limit));
        self.sweep("settles the unknown", settle).await
    }

    async fn end_deliveries(&self, limit: u32) -> StoreResult<u64> {
        self.sweep("ends deliveries", move |world| at_once(world.store.ledger.end_deliveries(limit))).await
    }

    async fn purge_before(&self, age: Duration, limit: u32) -> StoreResult<u64> {
        self.sweep("purges", move |world| at_once(world.store.ledger.purge_before(age, limit))).await
    }
}

#[async_trait]
impl DeadLetterSink for NodeStore {
    async fn record_dead_letters(&self, letters: &[NewDeadLetter], not_before: DateTime<Utc>) -> StoreResult<u64> {
        let letters = letters.to_vec();
        self.call(move |world| at_once(world.store.ledger.record_dead_letters(&letters, not_before))).await
    }
}

impl NodeStore {
    async fn sweep(
        &self,
        what: &'static str,
        sweep: impl FnOnce(&mut World) -> StoreResult<u64> + Send + 'static,
    ) -> StoreResult<u64> {
        let port = self.port.clone();
        self.call(move |world| {
            let swept = sweep(world)?;
            if swept > 0 {
                world.tell(&port, format_args!("{what}: {swept}"));
            }
            Ok(swept)
        })
        .await
    }
}
