//! Sweeping: what acts when a deadline has passed.
//!
//! Sweepers of several servers meet each other and everyone else. They take what nobody else holds (SKIP LOCKED), so they never wait,
//! and what they pass over is there at the next turn.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{
    CampaignId, CampaignMove, CampaignState, CancelReason, Epoch, MessageMove, Outcome, ResultBody, UploadId,
    WorkerResult,
};
use paceline_store::{StoreResult, intents::AttemptOutcome, sweep::SweepStore};

use crate::{
    campaigns::{campaign_columns, read_campaign},
    cells::Cells,
    error::Fallible,
    messages::read_outcome,
    moves::{Happening, held_columns, read_held},
    open::PostgresStore,
    release::give_back,
    transaction::{Bound, Tx},
    values::{duration_micros, micros_of, real_now, statement_now, uuid},
};

mod purge;

#[async_trait]
impl SweepStore for PostgresStore {
    async fn start_scheduled(&self, now: DateTime<Utc>, limit: u32) -> StoreResult<u64> {
        self.write(move |tx| Box::pin(tx.start_scheduled(now, limit))).await
    }

    async fn complete_campaigns(&self, now: DateTime<Utc>, limit: u32) -> StoreResult<u64> {
        self.write(move |tx| Box::pin(tx.complete_campaigns(now, limit))).await
    }

    async fn expire_messages(&self, now: DateTime<Utc>, limit: u32) -> StoreResult<u64> {
        self.write(move |tx| Box::pin(tx.expire_messages(now, limit))).await
    }

    async fn cancel_messages(&self, now: DateTime<Utc>, limit: u32) -> StoreResult<u64> {
        self.write(move |tx| Box::pin(tx.cancel_messages(now, limit))).await
    }

    async fn reclaim_releases(&self, limit: u32) -> StoreResult<u64> {
        self.write(move |tx| {
            Box::pin(async move {
                let reclaim = sqlx::query(concat!(
                    "WITH held AS (SELECT m.seq FROM messages m WHERE m.release_deadline IS NOT NULL AND m.release_deadline <= ",
                    real_now!(),
                    " LIMIT $1 FOR UPDATE SKIP LOCKED) UPDATE messages SET ",
                    give_back!(),
                    " FROM held WHERE messages.seq = held.seq"
                ));
                tx.execute(reclaim.bind(i64::from(limit))).await
            })
        })
        .await
    }

    async fn abort_stale_uploads(&self, limit: u32) -> StoreResult<u64> {
        let query = sqlx::query(concat!(
            "SELECT id FROM uploads WHERE state = 'open' AND expires_at <= ",
            statement_now!(),
            " ORDER BY expires_at LIMIT $1"
        ));
        let rows = self.all(query.bind(i64::from(limit))).await?;
        let stale = rows.iter().map(|row| Cells::new("uploads", row).id("id")).collect::<Fallible<Vec<UploadId>>>()?;
        for upload in &stale {
            self.remove_stale_upload(*upload).await?;
        }
        Ok(u64::try_from(stale.len()).unwrap_or(0))
    }

    async fn list_unapplied_outcomes(&self, age: Duration, limit: u32) -> StoreResult<Vec<WorkerResult>> {
        let query = sqlx::query(concat!(
            "SELECT a.message_id, a.number, a.epoch, a.sender_id, a.outcome, a.ended_at, a.seq \
             FROM (SELECT id, attempts FROM messages WHERE state = 'sending' OFFSET 0) m CROSS JOIN LATERAL (SELECT * FROM attempts a \
                WHERE a.message_id = m.id AND a.number = m.attempts OFFSET 0) a WHERE a.recorded_at <= ",
            statement_now!(),
            " - ",
            micros_of!("$1"),
            " ORDER BY a.recorded_at, a.seq LIMIT $2"
        ));
        let rows = self.all(query.bind(duration_micros(age)).bind(i64::from(limit))).await?;
        let mut results = Vec::with_capacity(rows.len());
        for row in &rows {
            let cells = Cells::new("attempts", row);
            let Some((outcome, at)) = read_outcome(cells)? else { continue };
            let (message, attempt) = (cells.id("message_id")?, cells.small("number")?);
            results.push(WorkerResult {
                sender: cells.id("sender_id")?,
                at,
                body: ResultBody::Attempt { message, attempt, epoch: Epoch(cells.number("epoch")?), outcome },
            });
        }
        Ok(results)
    }

    async fn lose_abandoned(&self, now: DateTime<Utc>, age: Duration, limit: u32) -> StoreResult<u64> {
        self.write(move |tx| Box::pin(tx.lose_abandoned(now, age, limit))).await
    }

    async fn settle_unknown(&self, now: DateTime<Utc>, grace: Duration, limit: u32) -> StoreResult<u64> {
        self.write(move |tx| Box::pin(tx.settle_unknown(now, grace, limit))).await
    }

    async fn purge_before(&self, age: Duration, limit: u32) -> StoreResult<u64> {
        self.write(move |tx| Box::pin(tx.purge_before(age, limit))).await
    }
}

impl Tx {
    async fn start_scheduled(&mut self, now: DateTime<Utc>, limit: u32) -> Fallible<u64> {
        let due = sqlx::query(concat!(
            "SELECT ",
            campaign_columns!(),
            " FROM campaigns c WHERE c.state = 'scheduled' AND (c.start_at IS NULL OR c.start_at <= $1) \
             ORDER BY c.start_at, c.id LIMIT $2 FOR UPDATE OF c SKIP LOCKED"
        ));
        self.move_campaigns(due.bind(now).bind(i64::from(limit)), CampaignMove::Start, CampaignState::Running, now)
            .await
    }

    /// Counts and state are of one moment, in which nothing of the campaign waited or was being sent: nothing makes more of it.
    async fn complete_campaigns(&mut self, now: DateTime<Utc>, limit: u32) -> Fallible<u64> {
        let done = sqlx::query(concat!(
            "SELECT ",
            campaign_columns!(),
            " FROM campaigns c WHERE c.state = 'running' AND c.planned_through >= c.rows AND \
                (SELECT coalesce(sum(k.count), 0) FROM campaign_counts k WHERE k.workspace_id = c.workspace_id \
                    AND k.campaign_id = c.id AND k.bucket IN ('waiting', 'sending')) = 0 \
             ORDER BY c.started_at, c.id LIMIT $1 FOR UPDATE OF c SKIP LOCKED"
        ));
        self.move_campaigns(done.bind(i64::from(limit)), CampaignMove::Complete, CampaignState::Completed, now).await
    }

    async fn move_campaigns(
        &mut self,
        which: Bound<'_>,
        happened: CampaignMove,
        to: CampaignState,
        now: DateTime<Utc>,
    ) -> Fallible<u64> {
        let campaigns = self.all(which).await?.iter().map(read_campaign).collect::<Fallible<Vec<_>>>()?;
        for campaign in &campaigns {
            self.set_campaign_state(campaign, happened, to, now).await?;
        }
        Ok(u64::try_from(campaigns.len()).unwrap_or(0))
    }

    async fn expire_messages(&mut self, now: DateTime<Utc>, limit: u32) -> Fallible<u64> {
        let query = sqlx::query(concat!(
            "SELECT ",
            held_columns!(),
            " FROM messages m WHERE m.state = 'waiting' AND m.expires_at IS NOT NULL AND m.expires_at <= $1 \
             ORDER BY m.expires_at LIMIT $2 FOR UPDATE OF m SKIP LOCKED"
        ));
        self.end_all(query.bind(now).bind(i64::from(limit)), MessageMove::Expire, None, now).await
    }

    /// What waits of a cancelled campaign is in one of three small indexes: anyone's, a sender's own, or released.
    async fn cancel_messages(&mut self, now: DateTime<Utc>, limit: u32) -> Fallible<u64> {
        let cancelled = sqlx::query(
            "SELECT c.id FROM campaigns c WHERE c.state = 'cancelled' AND \
                (SELECT coalesce(sum(k.count), 0) FROM campaign_counts k WHERE k.workspace_id = c.workspace_id \
                    AND k.campaign_id = c.id AND k.bucket = 'waiting') <> 0 ORDER BY c.id",
        );
        let rows = self.all(cancelled).await?;
        let mut done = 0;
        for row in &rows {
            let campaign: CampaignId = Cells::new("campaigns", row).id("id")?;
            let left = u64::from(limit).saturating_sub(done);
            if left == 0 {
                break;
            }
            let waiting = sqlx::query(concat!(
                "SELECT ",
                held_columns!(),
                " FROM messages m WHERE m.state = 'waiting' AND m.seq = ANY(ARRAY( \
                    SELECT f.seq FROM messages f WHERE f.campaign_id = $1 \
                        AND f.state = 'waiting' AND f.release_deadline IS NULL AND f.sender_id IS NULL \
                    UNION ALL SELECT b.seq FROM senders s CROSS JOIN LATERAL (SELECT b.seq FROM messages b \
                        WHERE b.sender_id = s.id AND b.campaign_id = $1 AND b.state = 'waiting' AND b.release_deadline IS NULL OFFSET 0) b \
                    UNION ALL SELECT r.seq FROM (SELECT seq, campaign_id FROM messages WHERE release_deadline IS NOT NULL OFFSET 0) r \
                        WHERE r.campaign_id = $1 \
                    LIMIT $2)) ORDER BY m.seq FOR UPDATE OF m SKIP LOCKED"
            ));
            let waiting = waiting.bind(uuid(campaign)).bind(i64::try_from(left).unwrap_or(i64::MAX));
            done +=
                self.end_all(waiting, MessageMove::Cancel, Some(CancelReason::CampaignCancelled.as_str()), now).await?;
        }
        Ok(done)
    }

    async fn end_all(
        &mut self,
        which: Bound<'_>,
        happened: MessageMove,
        reason: Option<&'static str>,
        now: DateTime<Utc>,
    ) -> Fallible<u64> {
        let held = self.all(which).await?.iter().map(read_held).collect::<Fallible<Vec<_>>>()?;
        self.end_waiting(held, Happening { happened, at: now, reason, not_before: None, place: usize::MAX }).await
    }

    async fn lose_abandoned(&mut self, now: DateTime<Utc>, age: Duration, limit: u32) -> Fallible<u64> {
        let query = sqlx::query(concat!(
            "SELECT a.message_id, a.number, a.epoch, a.seq FROM (SELECT id FROM senders WHERE state = 'removed' OR session_state = 'banned') s \
             CROSS JOIN LATERAL (SELECT m.id, m.attempts FROM messages m WHERE m.sender_id = s.id AND m.state = 'sending' OFFSET 0) m \
             CROSS JOIN LATERAL (SELECT a.message_id, a.number, a.epoch, a.seq FROM attempts a \
                WHERE a.message_id = m.id AND a.number = m.attempts AND a.outcome IS NULL AND a.intended_really_at <= ",
            statement_now!(),
            " - ",
            micros_of!("$1"),
            " FOR UPDATE SKIP LOCKED) a LIMIT $2"
        ));
        let rows = self.all(query.bind(duration_micros(age)).bind(i64::from(limit))).await?;
        let lost = |row| {
            let cells = Cells::new("attempts", row);
            let (message, attempt) = (cells.id("message_id")?, cells.small("number")?);
            let epoch = Epoch(cells.number("epoch")?);
            Ok(AttemptOutcome { message, attempt, epoch, outcome: Outcome::Unknown, at: now })
        };
        let lost = rows.iter().map(lost).collect::<Fallible<Vec<_>>>()?;
        self.record_outcomes(&lost).await?;
        Ok(u64::try_from(lost.len()).unwrap_or(0))
    }
}
