//! Decisions about messages of unknown outcome, by people and by their workspace's policy.
//!
//! What is decided about is read twice: first to know which campaigns and senders are to be locked, then under the locks.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{
    AttemptNumber, CampaignId, CampaignMove, CampaignState, EventKind, MessageId, MessageState, Resolution, Resolver,
    SenderId, UnknownPolicy,
};
use paceline_store::{
    StoreResult,
    resolutions::{Decision, ResolutionStore, ResolveOutcome, Resolved},
};
use serde::Serialize;

use crate::{
    bulk::column,
    cells::Cells,
    error::Fallible,
    events::NewEvent,
    moves::{Happening, Held, MessageData, Moved, data_of, held_columns, read_held},
    open::PostgresStore,
    transaction::Tx,
    values::{duration_micros, micros_of, uuid, uuids},
};

#[async_trait]
impl ResolutionStore for PostgresStore {
    async fn resolve_message(&self, decision: Decision) -> StoreResult<ResolveOutcome> {
        self.write(move |tx| Box::pin(tx.resolve_message(decision))).await
    }
}

/// A message of unknown outcome, and what is decided about it.
struct Unknown {
    held: Held,
    resolution: Resolution,
    by: Resolver,
}

#[derive(Serialize)]
struct ResolvedData<'a> {
    #[serde(flatten)]
    message: MessageData<'a>,
    resolution: Resolution,
    resolved_by: String,
}

/// Another sender's message would be another one to the recipient, so that the message is now its sender's for good, unless
/// that one will never send again. The senders are locked.
const BIND: &str = "UPDATE messages SET binding = CASE WHEN EXISTS (SELECT 1 FROM senders s WHERE s.id = messages.sender_id \
        AND s.state <> 'removed' AND s.session_state <> 'banned') THEN 'sticky' ELSE 'free' END \
     WHERE seq = ANY($1) AND binding <> 'routed'";

const WRITE: &str = "INSERT INTO resolutions (message_id, number, workspace_id, resolution, resolved_by, at) \
     SELECT v.*, $6 FROM unnest($1::uuid[], $2::integer[], $3::uuid[], $4::text[], $5::text[]) \
        AS v (message_id, number, workspace_id, resolution, resolved_by)";

const HELD: &str = concat!("SELECT ", held_columns!(), " FROM messages m WHERE m.id = ANY($1)");

const HOLD: &str =
    concat!("SELECT ", held_columns!(), " FROM messages m WHERE m.id = ANY($1) ORDER BY m.seq FOR UPDATE OF m");

impl PostgresStore {
    /// What was decided about a message, first to last.
    pub(crate) async fn read_resolutions(&self, message: MessageId) -> Fallible<Vec<Resolved>> {
        let query = sqlx::query(
            "SELECT number, resolution, resolved_by, at FROM resolutions WHERE message_id = $1 ORDER BY number",
        );
        let rows = self.all(query.bind(uuid(message))).await?;
        let resolved = |row| {
            let cells = Cells::new("resolutions", row);
            Ok(Resolved {
                attempt: cells.small("number")?,
                resolution: cells.word("resolution")?,
                by: cells.word("resolved_by")?,
                at: cells.time("at")?,
            })
        };
        rows.iter().map(resolved).collect()
    }
}

impl Tx {
    async fn resolve_message(&mut self, decision: Decision) -> Fallible<ResolveOutcome> {
        let (resolution, by) = (decision.resolution, Resolver::Key(decision.by));
        let held = self.hold(&HashMap::from([(decision.message, resolution)])).await?;
        let Some(held) = held.into_iter().find(|held| held.workspace == decision.workspace) else {
            return Ok(ResolveOutcome::NotFound);
        };
        if held.state == MessageState::Unknown {
            self.settle(&[Unknown { held, resolution, by }], decision.now).await?;
        } else if self.last_resolution(held.id, held.attempts).await? != Some(resolution) {
            return Ok(ResolveOutcome::NotUnknown(held.state));
        }
        let message = self.message(decision.message).await?.ok_or(sqlx::Error::RowNotFound)?;
        Ok(ResolveOutcome::Resolved(Box::new(message)))
    }

    /// What was decided about an attempt.
    async fn last_resolution(&mut self, message: MessageId, attempt: AttemptNumber) -> Fallible<Option<Resolution>> {
        let query = sqlx::query("SELECT resolution FROM resolutions WHERE message_id = $1 AND number = $2");
        let row = self.one(query.bind(uuid(message)).bind(attempt)).await?;
        row.as_ref().map(|row| Cells::new("resolutions", row).word("resolution")).transpose()
    }

    pub(crate) async fn settle_unknown(&mut self, now: DateTime<Utc>, grace: Duration, limit: u32) -> Fallible<u64> {
        let query = sqlx::query(concat!(
            "SELECT m.id, w.unknown_policy FROM workspaces w CROSS JOIN LATERAL (SELECT m.id FROM messages m \
                WHERE m.workspace_id = w.id AND m.state = 'unknown' AND m.ended_at <= $1::timestamptz - ",
            micros_of!("$2"),
            " AND (w.unknown_policy <> 'resend' OR NOT EXISTS (SELECT 1 FROM resolutions r \
                    WHERE r.message_id = m.id AND r.resolved_by = 'policy' AND r.resolution = 'resend')) \
                ORDER BY m.ended_at LIMIT $3) m WHERE w.unknown_policy <> 'hold' LIMIT $3"
        ));
        let rows = self.all(query.bind(now).bind(duration_micros(grace)).bind(i64::from(limit))).await?;
        let mut wishes = HashMap::with_capacity(rows.len());
        for row in &rows {
            let policy: UnknownPolicy = Cells::new("workspaces", row).word("unknown_policy")?;
            if let Some(resolution) = policy.resolution() {
                wishes.insert(Cells::new("messages", row).id("id")?, resolution);
            }
        }
        if wishes.is_empty() {
            return Ok(0);
        }
        let held = self.hold(&wishes).await?;
        let unknown = held.into_iter().filter(|held| held.state == MessageState::Unknown);
        let unknown = unknown.filter_map(|held| {
            let resolution = *wishes.get(&held.id)?;
            Some(Unknown { held, resolution, by: Resolver::Policy })
        });
        self.settle(&unknown.collect::<Vec<_>>(), now).await
    }

    /// Locks what decisions touch, in the crate's order, and reads the messages as they then are.
    async fn hold(&mut self, wishes: &HashMap<MessageId, Resolution>) -> Fallible<Vec<Held>> {
        let ids = uuids(wishes.keys().copied());
        let resends: Vec<_> =
            wishes.iter().filter(|(_, wish)| **wish == Resolution::Resend).map(|(id, _)| *id).collect();
        if !resends.is_empty() {
            let rows = self.all(sqlx::query(HELD).bind(uuids(resends))).await?;
            let held = rows.iter().map(read_held).collect::<Fallible<Vec<_>>>()?;
            let campaigns: BTreeSet<CampaignId> = held.iter().filter_map(|held| held.campaign).collect();
            let lock = sqlx::query("SELECT id FROM campaigns WHERE id = ANY($1) ORDER BY id FOR UPDATE");
            self.all(lock.bind(uuids(campaigns))).await?;
            let senders: BTreeSet<SenderId> = held.iter().filter_map(|held| held.sender).collect();
            let lock = sqlx::query("SELECT id FROM senders WHERE id = ANY($1) ORDER BY id FOR SHARE");
            self.all(lock.bind(uuids(senders))).await?;
        }
        let rows = self.all(sqlx::query(HOLD).bind(ids)).await?;
        rows.iter().map(read_held).collect()
    }

    /// A completed campaign runs again, or nothing of it would be released. The campaigns are locked.
    async fn reopen(&mut self, campaigns: BTreeSet<CampaignId>, now: DateTime<Utc>) -> Fallible<()> {
        for id in campaigns {
            let Some(campaign) = self.campaign(id).await? else { continue };
            if campaign.state == CampaignState::Completed {
                self.set_campaign_state(&campaign, CampaignMove::Reopen, CampaignState::Running, now).await?;
            }
        }
        Ok(())
    }

    /// Makes the move of each decision. Answers how many.
    async fn settle(&mut self, unknown: &[Unknown], now: DateTime<Utc>) -> Fallible<u64> {
        if unknown.is_empty() {
            return Ok(0);
        }
        let resends = unknown.iter().filter(|unknown| unknown.resolution == Resolution::Resend);
        let (seqs, campaigns): (Vec<i64>, Vec<Option<CampaignId>>) =
            resends.map(|unknown| (unknown.held.seq, unknown.held.campaign)).unzip();
        if !seqs.is_empty() {
            self.reopen(campaigns.into_iter().flatten().collect(), now).await?;
            self.execute(sqlx::query(BIND).bind(seqs)).await?;
        }
        let mut moved = Vec::with_capacity(unknown.len());
        for (place, unknown) in unknown.iter().enumerate() {
            moved.extend(self.settle_one(unknown, place, now));
        }
        self.write_moved(moved).await?;
        let write = sqlx::query(WRITE)
            .bind(uuids(unknown.iter().map(|unknown| unknown.held.id)))
            .bind(column(unknown, |unknown| unknown.held.attempts))
            .bind(uuids(unknown.iter().map(|unknown| unknown.held.workspace)))
            .bind(column(unknown, |unknown| unknown.resolution.as_str()))
            .bind(column(unknown, |unknown| unknown.by.to_string()))
            .bind(now);
        self.execute(write).await
    }

    fn settle_one(&mut self, unknown: &Unknown, place: usize, at: DateTime<Utc>) -> Option<Moved> {
        let (held, resolution) = (&unknown.held, unknown.resolution);
        let happened = resolution.to_move();
        let reason = (resolution == Resolution::Failed).then(|| unknown.by.failure().as_str());
        let happening = Happening { happened, at, reason, not_before: None, place };
        let state = held.state.after(happened)?;
        let message = data_of(held, state, &happening);
        let data = ResolvedData { message, resolution, resolved_by: unknown.by.to_string() };
        let event = NewEvent::new(held.workspace, EventKind::MessageResolved, at, &data);
        self.event_at(place, event);
        let mut moved = Moved::start(held.clone());
        self.move_message(&mut moved, &happening).then_some(moved)
    }
}
