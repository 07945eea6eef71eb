//! Decisions about messages of unknown outcome, by people and by their workspace's policy.

use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{
    AttemptNumber, CampaignId, CampaignMove, CampaignState, EventKind, MessageId, MessageState, Resolution, Resolver,
    UnknownPolicy,
};
use paceline_store::{
    StoreResult,
    resolutions::{Decision, ResolutionStore, ResolveOutcome, Resolved},
};
use serde::Serialize;

use crate::{
    bulk::Bulk,
    cells::Cells,
    error::Fallible,
    events::NewEvent,
    moves::{Happening, Held, MessageData, Moved, data_of, held_columns, read_held},
    open::SqliteStore,
    transaction::Tx,
    values::{blob, duration_micros, json_numbers, micros},
};

#[async_trait]
impl ResolutionStore for SqliteStore {
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
/// that one will never send again.
const BIND: &str = "UPDATE messages SET binding = iif(EXISTS (SELECT 1 FROM senders s WHERE s.id = messages.sender_id \
        AND s.state <> 'removed' AND s.session_state <> 'banned'), 'sticky', 'free') \
     WHERE seq IN (SELECT value FROM json_each(?1)) AND binding <> 'routed'";

const WRITE: Bulk = Bulk {
    head: "INSERT INTO resolutions (message_id, number, workspace_id, resolution, resolved_by, at) VALUES",
    row: "(?, ?, ?, ?, ?, ?1)",
    tail: "",
};

impl SqliteStore {
    /// What was decided about a message, first to last.
    pub(crate) async fn read_resolutions(&self, message: MessageId) -> Fallible<Vec<Resolved>> {
        let query = sqlx::query(
            "SELECT number, resolution, resolved_by, at FROM resolutions WHERE message_id = ?1 ORDER BY number",
        );
        let rows = self.all(query.bind(blob(message))).await?;
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
        let query = sqlx::query(concat!(
            "SELECT ",
            held_columns!(),
            " FROM messages m WHERE m.id = ?1 AND m.workspace_id = ?2"
        ));
        let row = self.one(query.bind(blob(decision.message)).bind(blob(decision.workspace))).await?;
        let Some(held) = row.as_ref().map(read_held).transpose()? else { return Ok(ResolveOutcome::NotFound) };
        let resolution = decision.resolution;
        if held.state == MessageState::Unknown {
            self.settle(vec![Unknown { held, resolution, by: Resolver::Key(decision.by) }], decision.now).await?;
        } else if self.last_resolution(held.id, held.attempts).await? != Some(resolution) {
            return Ok(ResolveOutcome::NotUnknown(held.state));
        }
        let message = self.message(decision.message).await?.ok_or(sqlx::Error::RowNotFound)?;
        Ok(ResolveOutcome::Resolved(Box::new(message)))
    }

    /// What was decided about an attempt.
    async fn last_resolution(&mut self, message: MessageId, attempt: AttemptNumber) -> Fallible<Option<Resolution>> {
        let query = sqlx::query("SELECT resolution FROM resolutions WHERE message_id = ?1 AND number = ?2");
        let row = self.one(query.bind(blob(message)).bind(attempt)).await?;
        row.as_ref().map(|row| Cells::new("resolutions", row).word("resolution")).transpose()
    }

    pub(crate) async fn settle_unknown(&mut self, now: DateTime<Utc>, grace: Duration, limit: u32) -> Fallible<u64> {
        let query = sqlx::query(concat!(
            "SELECT ",
            held_columns!(),
            ", w.unknown_policy FROM workspaces w CROSS JOIN messages m INDEXED BY messages_unknown \
             WHERE w.unknown_policy <> 'hold' AND m.workspace_id = w.id AND m.state = 'unknown' AND m.ended_at <= ?1 - ?2 \
                AND (w.unknown_policy <> 'resend' OR NOT EXISTS (SELECT 1 FROM resolutions r \
                    WHERE r.message_id = m.id AND r.resolved_by = 'policy' AND r.resolution = 'resend')) \
             ORDER BY m.ended_at LIMIT ?3"
        ));
        let query = query.bind(micros(now)).bind(duration_micros(grace)).bind(limit);
        let mut unknown = Vec::new();
        for row in &self.all(query).await? {
            let policy: UnknownPolicy = Cells::new("workspaces", row).word("unknown_policy")?;
            let Some(resolution) = policy.resolution() else { continue };
            unknown.push(Unknown { held: read_held(row)?, resolution, by: Resolver::Policy });
        }
        self.settle(unknown, now).await
    }

    /// Makes the move of each decision. Answers how many.
    async fn settle(&mut self, unknown: Vec<Unknown>, now: DateTime<Utc>) -> Fallible<u64> {
        let resends = unknown.iter().filter(|unknown| unknown.resolution == Resolution::Resend);
        let (seqs, campaigns): (Vec<i64>, Vec<Option<CampaignId>>) =
            resends.map(|unknown| (unknown.held.seq, unknown.held.campaign)).unzip();
        if !seqs.is_empty() {
            self.reopen(campaigns.into_iter().flatten().collect(), now).await?;
            self.execute(sqlx::query(BIND).bind(json_numbers(seqs))).await?;
        }
        let mut moved = Vec::with_capacity(unknown.len());
        for (place, unknown) in unknown.iter().enumerate() {
            moved.extend(self.settle_one(unknown, place, now));
        }
        self.write_moved(moved).await?;
        let done = WRITE
            .run(
                self,
                &unknown,
                |values| {
                    values.add(micros(now));
                },
                |values, unknown| {
                    let held = &unknown.held;
                    values.add(blob(held.id)).add(held.attempts).add(blob(held.workspace));
                    values.add(unknown.resolution.as_str()).add(unknown.by.to_string());
                },
            )
            .await?;
        Ok(done.written)
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

    /// A completed campaign runs again, or nothing of it would be released.
    async fn reopen(&mut self, campaigns: BTreeSet<CampaignId>, now: DateTime<Utc>) -> Fallible<()> {
        for id in campaigns {
            let Some(campaign) = self.campaign(id).await? else { continue };
            if campaign.state == CampaignState::Completed {
                self.set_campaign_state(&campaign, CampaignMove::Reopen, CampaignState::Running, now).await?;
            }
        }
        Ok(())
    }
}
