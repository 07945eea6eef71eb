//! Sweeping: what acts when a deadline has passed.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{
    CampaignMove, CampaignState, CancelReason, Epoch, MessageMove, Outcome, ResultBody, UploadId, WorkerResult,
};
use paceline_store::{StoreResult, intents::AttemptOutcome, sweep::SweepStore};

use crate::{
    campaigns::{campaign_columns, read_campaign},
    cells::Cells,
    error::Fallible,
    messages::read_outcome,
    moves::{Happening, held_columns, read_held},
    open::SqliteStore,
    release::give_back,
    transaction::{Bound, Tx},
    values::{blob, duration_micros, json_numbers, micros, real_now},
};

mod purge;

#[async_trait]
impl SweepStore for SqliteStore {
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
                    "UPDATE messages SET ",
                    give_back!(),
                    " WHERE seq IN (SELECT seq FROM messages INDEXED BY messages_released \
                        WHERE release_deadline IS NOT NULL AND release_deadline <= ",
                    real_now!(),
                    " LIMIT ?1)"
                ));
                tx.execute(reclaim.bind(limit)).await
            })
        })
        .await
    }

    async fn abort_stale_uploads(&self, limit: u32) -> StoreResult<u64> {
        let query = sqlx::query(concat!(
            "SELECT id FROM uploads WHERE state = 'open' AND expires_at <= ",
            real_now!(),
            " ORDER BY expires_at LIMIT ?1"
        ));
        let rows = self.all(query.bind(limit)).await?;
        let stale = rows.iter().map(|row| Cells::new("uploads", row).id("id")).collect::<Fallible<Vec<UploadId>>>()?;
        for upload in &stale {
            self.remove_stale_upload(*upload).await?;
        }
        Ok(u64::try_from(stale.len()).unwrap_or(0))
    }

    async fn list_unapplied_outcomes(&self, age: Duration, limit: u32) -> StoreResult<Vec<WorkerResult>> {
        let query = sqlx::query(concat!(
            "SELECT a.message_id, a.number, a.epoch, a.sender_id, a.outcome, a.ended_at, a.seq \
             FROM messages m INDEXED BY messages_sending \
             CROSS JOIN attempts a ON a.message_id = m.id AND a.number = m.attempts \
             WHERE m.state = 'sending' AND a.recorded_at <= ",
            real_now!(),
            " - ?1 ORDER BY a.recorded_at, a.seq LIMIT ?2"
        ));
        let rows = self.all(query.bind(duration_micros(age)).bind(limit)).await?;
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
            " FROM campaigns c WHERE c.state = 'scheduled' AND (c.start_at IS NULL OR c.start_at <= ?1) \
             ORDER BY c.start_at, c.id LIMIT ?2"
        ));
        self.move_campaigns(due.bind(micros(now)).bind(limit), CampaignMove::Start, CampaignState::Running, now).await
    }

    async fn complete_campaigns(&mut self, now: DateTime<Utc>, limit: u32) -> Fallible<u64> {
        let done = sqlx::query(concat!(
            "SELECT ",
            campaign_columns!(),
            " FROM campaigns c WHERE c.state = 'running' AND c.planned_through >= c.rows AND \
                (SELECT total(k.count) FROM campaign_counts k WHERE k.workspace_id = c.workspace_id \
                    AND k.campaign_id = c.id AND k.bucket IN ('waiting', 'sending')) = 0 \
             ORDER BY c.started_at, c.id LIMIT ?1"
        ));
        self.move_campaigns(done.bind(limit), CampaignMove::Complete, CampaignState::Completed, now).await
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
            " FROM messages m INDEXED BY messages_expiring \
             WHERE m.state = 'waiting' AND m.expires_at IS NOT NULL AND m.expires_at <= ?1 ORDER BY m.expires_at LIMIT ?2"
        ));
        self.end_all(query.bind(micros(now)).bind(limit), MessageMove::Expire, None, now).await
    }

    /// What waits of a cancelled campaign is in one of three small indexes: anyone's, a sender's own, or released.
    async fn cancel_messages(&mut self, now: DateTime<Utc>, limit: u32) -> Fallible<u64> {
        let cancelled = sqlx::query(
            "SELECT c.id FROM campaigns c WHERE c.state = 'cancelled' AND EXISTS (SELECT 1 FROM campaign_counts k \
                WHERE k.workspace_id = c.workspace_id AND k.campaign_id = c.id AND k.bucket = 'waiting' AND k.count <> 0)",
        );
        let rows = self.all(cancelled).await?;
        let mut done = 0;
        for row in &rows {
            let campaign: paceline_domain::CampaignId = Cells::new("campaigns", row).id("id")?;
            let left = u64::from(limit).saturating_sub(done);
            if left == 0 {
                break;
            }
            let waiting = sqlx::query(concat!(
                "SELECT ",
                held_columns!(),
                " FROM messages m WHERE m.seq IN ( \
                    SELECT seq FROM messages INDEXED BY messages_due WHERE campaign_id = ?1 \
                        AND state = 'waiting' AND release_deadline IS NULL AND sender_id IS NULL \
                    UNION ALL SELECT b.seq FROM senders s CROSS JOIN messages b INDEXED BY messages_due_bound \
                        WHERE b.sender_id = s.id AND b.campaign_id = ?1 AND b.state = 'waiting' AND b.release_deadline IS NULL \
                    UNION ALL SELECT r.seq FROM messages r INDEXED BY messages_released \
                        WHERE r.release_deadline IS NOT NULL AND r.campaign_id = ?1 \
                    LIMIT ?2)"
            ));
            let waiting = waiting.bind(blob(campaign)).bind(i64::try_from(left).unwrap_or(i64::MAX));
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
            "SELECT a.message_id, a.number, a.epoch, a.seq FROM senders s CROSS JOIN messages m INDEXED BY messages_sending \
             CROSS JOIN attempts a ON a.message_id = m.id AND a.number = m.attempts \
             WHERE (s.state = 'removed' OR s.session_state = 'banned') AND m.sender_id = s.id AND m.state = 'sending' \
                AND a.outcome IS NULL AND a.intended_really_at <= ",
            real_now!(),
            " - ?1 LIMIT ?2"
        ));
        let rows = self.all(query.bind(duration_micros(age)).bind(limit)).await?;
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
