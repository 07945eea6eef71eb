//! Sweeping: what acts when a deadline has passed.
//!
//! Sweepers of several servers meet each other and everyone else. They take what nobody else holds, so they never wait, and what they
//! pass over is there at the next turn.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{CampaignMove, CampaignState, CancelReason, Outcome, ResultBody, WorkerResult};
use paceline_store::{StoreResult, intents::AttemptOutcome, sweep::SweepStore};

use crate::{
    Database, Fallible, Ledger, campaigns, deliveries,
    intents::outcomes,
    moves::{self, Happening},
    recipients, resolutions,
    rows::{Swept, UnappliedRow},
    transaction::Tx,
    waiting,
};

#[async_trait]
impl<D: Database> SweepStore for Ledger<D> {
    async fn start_scheduled(&self, now: DateTime<Utc>, limit: u32) -> StoreResult<u64> {
        self.write(move |tx| Box::pin(start_scheduled(tx, now, limit))).await
    }

    async fn complete_campaigns(&self, now: DateTime<Utc>, limit: u32) -> StoreResult<u64> {
        self.write(move |tx| Box::pin(complete_campaigns(tx, now, limit))).await
    }

    async fn expire_messages(&self, now: DateTime<Utc>, limit: u32) -> StoreResult<u64> {
        self.write(move |tx| Box::pin(expire_messages(tx, now, limit))).await
    }

    async fn cancel_messages(&self, now: DateTime<Utc>, limit: u32) -> StoreResult<u64> {
        self.write(move |tx| Box::pin(cancel_messages(tx, now, limit))).await
    }

    async fn reclaim_releases(&self, limit: u32) -> StoreResult<u64> {
        self.write(move |tx| Box::pin(waiting::reclaim_releases(tx, limit))).await
    }

    async fn abort_stale_uploads(&self, limit: u32) -> StoreResult<u64> {
        let stale = self.database.list_stale_uploads(limit).await?;
        for upload in &stale {
            recipients::remove_stale_upload(self, *upload).await?;
        }
        Ok(u64::try_from(stale.len()).unwrap_or(0))
    }

    async fn list_unapplied_outcomes(&self, age: Duration, limit: u32) -> StoreResult<Vec<WorkerResult>> {
        let unapplied = self.database.list_unapplied(age, limit).await?;
        Ok(unapplied.into_iter().map(result_of).collect())
    }

    async fn lose_abandoned(&self, now: DateTime<Utc>, age: Duration, limit: u32) -> StoreResult<u64> {
        self.write(move |tx| Box::pin(lose_abandoned(tx, now, age, limit))).await
    }

    async fn settle_unknown(&self, now: DateTime<Utc>, grace: Duration, limit: u32) -> StoreResult<u64> {
        self.write(move |tx| Box::pin(resolutions::settle_unknown(tx, now, grace, limit))).await
    }

    async fn end_deliveries(&self, limit: u32) -> StoreResult<u64> {
        // Asking costs the writer nothing while there is nothing to do.
        if !self.database.has_endpoints_to_end().await? {
            return Ok(0);
        }
        self.write(move |tx| Box::pin(deliveries::end_deliveries(tx, limit))).await
    }

    async fn purge_before(&self, age: Duration, limit: u32) -> StoreResult<u64> {
        self.write(move |tx| Box::pin(purge(tx, age, u64::from(limit)))).await
    }
}

async fn start_scheduled(tx: &mut Tx<'_>, now: DateTime<Utc>, limit: u32) -> Fallible<u64> {
    let due = tx.rows.lock_scheduled(now, limit).await?;
    for campaign in &due {
        campaigns::change_state(tx, campaign, CampaignMove::Start, CampaignState::Running, now).await?;
    }
    Ok(u64::try_from(due.len()).unwrap_or(0))
}

/// A campaign that seemed finished when it was found may have been given back a message until its row was locked. From then on nothing
/// makes more of it, and a later statement tells.
async fn complete_campaigns(tx: &mut Tx<'_>, now: DateTime<Utc>, limit: u32) -> Fallible<u64> {
    let mut completed = 0;
    for campaign in &tx.rows.lock_finished(limit).await? {
        if tx.rows.count_open(campaign).await? == 0 {
            campaigns::change_state(tx, campaign, CampaignMove::Complete, CampaignState::Completed, now).await?;
            completed += 1;
        }
    }
    Ok(completed)
}

async fn expire_messages(tx: &mut Tx<'_>, now: DateTime<Utc>, limit: u32) -> Fallible<u64> {
    let expired = tx.rows.lock_expired(now, limit).await?;
    moves::end_waiting(tx, expired, Happening::expire(now)).await
}

async fn cancel_messages(tx: &mut Tx<'_>, now: DateTime<Utc>, limit: u32) -> Fallible<u64> {
    let mut unswept = Vec::new();
    for campaign in tx.rows.lock_unswept(limit).await? {
        // Read after its row was locked: whoever lets a message of it wait again holds that row, or has the message counted as being sent.
        if tx.rows.count_open(&campaign).await? == 0 {
            tx.rows.set_swept(&campaign, Swept::Yes).await?;
        } else {
            unswept.push(campaign.id);
        }
    }
    let mut left = limit;
    for campaign in unswept {
        if left == 0 {
            break;
        }
        let waiting = tx.rows.lock_waiting_of_campaign(campaign, left).await?;
        let cancelled =
            moves::end_waiting(tx, waiting, Happening::cancel(CancelReason::CampaignCancelled, now)).await?;
        left = left.saturating_sub(u32::try_from(cancelled).unwrap_or(u32::MAX));
    }
    Ok(u64::from(limit - left))
}

/// Of attempts whose sender is gone nobody will know more than now.
async fn lose_abandoned(tx: &mut Tx<'_>, now: DateTime<Utc>, age: Duration, limit: u32) -> Fallible<u64> {
    let abandoned = tx.rows.lock_abandoned(age, limit).await?;
    let lost = abandoned.iter().map(|attempt| AttemptOutcome {
        message: attempt.message,
        attempt: attempt.number,
        epoch: attempt.epoch,
        outcome: Outcome::Unknown,
        at: now,
    });
    let lost: Vec<AttemptOutcome> = lost.collect();
    outcomes::record(tx, &lost).await?;
    Ok(u64::try_from(lost.len()).unwrap_or(0))
}

/// What is kept for a time only shares one limit. Deliveries go before the events that they carry.
async fn purge(tx: &mut Tx<'_>, age: Duration, limit: u64) -> Fallible<u64> {
    let mut purged = 0;
    for kept in Kept::ALL {
        let left = limit.saturating_sub(purged);
        if left == 0 {
            break;
        }
        purged += match kept {
            Kept::Deliveries => tx.rows.purge_deliveries(age, left).await?,
            Kept::Events => tx.rows.purge_events(age, left).await?,
            Kept::Inbox => tx.rows.purge_inbox(age, left).await?,
            Kept::IdempotencyKeys => tx.rows.purge_idempotency_keys(age, left).await?,
            Kept::DeadLetters => tx.rows.purge_dead_letters(age, left).await?,
        };
    }
    Ok(purged)
}

/// What is kept for a time only.
#[derive(Clone, Copy)]
enum Kept {
    Deliveries,
    Events,
    Inbox,
    IdempotencyKeys,
    DeadLetters,
}

impl Kept {
    /// In the order in which it is removed.
    const ALL: [Self; 5] = [Self::Deliveries, Self::Events, Self::Inbox, Self::IdempotencyKeys, Self::DeadLetters];
}

fn result_of(unapplied: UnappliedRow) -> WorkerResult {
    let UnappliedRow { sender, message, attempt, epoch, outcome, at } = unapplied;
    WorkerResult { sender, at, body: ResultBody::Attempt { message, attempt, epoch, outcome } }
}
