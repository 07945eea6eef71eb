//! What an intent is decided by, locked and then read.

use std::collections::HashMap;

use paceline_domain::{
    AttemptNumber, CampaignState, Epoch, Generation, MessageId, SenderId, SenderState, SuppressionReason,
    SuppressionScope, WaId, WorkspaceId,
};
use paceline_pacing::{PaceState, Seed};
use paceline_store::{
    StoreError,
    intents::{Grant, IntentBatch, IntentCandidate},
};
use sqlx::postgres::PgRow;

use crate::{
    cells::Cells,
    error::Fallible,
    moves::{Held, held_columns, read_held},
    senders::read_pace,
    transaction::Tx,
    values::{real_now, uuid, uuids},
};

/// The sender of an intent, as far as the decision needs it.
pub(super) struct Intender {
    pub(super) workspace: WorkspaceId,
    pub(super) zone: chrono_tz::Tz,
    pub(super) seed: Seed,
    pub(super) state: SenderState,
    pub(super) pace: PaceState,
}

/// What is read about a message before an intent.
pub(super) struct Wanted {
    pub(super) held: Held,
    pub(super) candidate: IntentCandidate,
    wa_id: WaId,
    content: String,
}

/// A message that is to be sent.
pub(super) struct Granted {
    pub(super) held: Held,
    pub(super) attempt: AttemptNumber,
    /// The sender's workspace.
    pub(super) workspace: WorkspaceId,
}

impl Tx {
    /// Locks the sender's row, so that its intents, its moves and its lease follow each other. `None`: the lease is not the
    /// caller's any more.
    pub(super) async fn hold_sender(&mut self, sender: SenderId, epoch: Epoch) -> Fallible<Option<Intender>> {
        let query = sqlx::query(concat!(
            "SELECT id, workspace_id, zone, seed, state, pace_next_slot, pace_day, pace_spent FROM senders \
             WHERE id = $1 AND lease_epoch = $2 AND lease_expires_at > ",
            real_now!(),
            " FOR NO KEY UPDATE"
        ));
        let Some(row) = self.one(query.bind(uuid(sender)).bind(epoch.0)).await? else { return Ok(None) };
        let cells = Cells::new("senders", &row);
        Ok(Some(Intender {
            workspace: cells.id("workspace_id")?,
            zone: cells.text("zone")?.parse().map_err(|_| cells.corrupt("zone"))?,
            seed: Seed(cells.number("seed")?),
            state: cells.word("state")?,
            pace: read_pace(cells)?,
        }))
    }

    /// Passes the gates of an intent's messages and locks them, reading with them what was decided about their campaigns and
    /// recipients until then.
    pub(super) async fn hold_wanted(&mut self, batch: &IntentBatch) -> Fallible<HashMap<MessageId, Wanted>> {
        let ids = || batch.items.iter().map(|(id, _)| *id);
        self.pass_gates_of(ids()).await?;
        let query = sqlx::query(concat!(
            "SELECT ",
            held_columns!(),
            ", m.sender_id AS bound_to, m.lane, m.expires_at, m.wa_id, t.content, CASE WHEN m.release_deadline > ",
            real_now!(),
            " THEN m.release_generation END AS release, c.state AS campaign_state, s.scope, s.reason AS suppressed_for \
             FROM messages m LEFT JOIN message_contents t ON t.message_seq = m.seq LEFT JOIN campaigns c ON c.id = m.campaign_id \
             LEFT JOIN suppressions s ON s.workspace_id = m.workspace_id AND s.hash = m.hash \
             WHERE m.id = ANY($1) ORDER BY m.seq FOR UPDATE OF m"
        ));
        let rows = self.all(query.bind(uuids(ids()))).await?;
        rows.iter().map(|row| read_wanted(row).map(|one| (one.held.id, one))).collect()
    }
}

fn read_wanted(row: &PgRow) -> Fallible<Wanted> {
    let cells = Cells::new("messages", row);
    let held = read_held(row)?;
    let suppression = match cells.opt_word::<SuppressionScope>("scope")? {
        None => None,
        Some(scope) => Some((scope, cells.word::<SuppressionReason>("suppressed_for")?)),
    };
    let candidate = IntentCandidate {
        message: held.id,
        state: held.state,
        release: cells.opt_number("release")?.and_then(|number| i32::try_from(number).ok()).map(Generation),
        sender: cells.opt_id("bound_to")?,
        lane: cells.word("lane")?,
        campaign: cells.opt_word::<CampaignState>("campaign_state")?,
        expires_at: cells.opt_time("expires_at")?,
        suppression,
        attempts: held.attempts,
    };
    Ok(Wanted { held, candidate, wa_id: cells.wa_id("wa_id")?, content: cells.string("content")? })
}

impl Wanted {
    pub(super) fn grant(&self, attempt: AttemptNumber) -> Fallible<Grant> {
        let corrupt = |_| StoreError::Corrupt { table: "messages", column: "content", row: self.held.id.to_string() };
        let content = serde_json::from_str(&self.content).map_err(corrupt)?;
        Ok(Grant { attempt, wa_id: self.wa_id.clone(), to: self.held.to.clone(), content })
    }
}
