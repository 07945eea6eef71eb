//! The statements that lock messages, and what they read of them.

use paceline_domain::{CampaignState, Generation, SuppressionReason, SuppressionScope};
use paceline_ledger::{
    Fallible,
    locks::Locked,
    rows::{AnsweredRow, MessageRow, WantedRow},
};
use sqlx::postgres::PgRow;

use crate::{cells::Cells, values::real_now};

/// A message's own columns, which are what a lock holds; the table is named `m`.
macro_rules! message_row_columns {
    () => {
        "m.seq, m.id, m.workspace_id, m.campaign_id, m.row_no, m.sender_id, m.binding, m.phone, m.business_scoped_id, m.linked_id, \
         m.state, m.attempts, m.sent_at, m.delivered_at, m.read_at"
    };
}

/// Messages by id, not locked.
pub(super) const LIST: &str = concat!("SELECT ", message_row_columns!(), " FROM messages m WHERE m.id = ANY($1)");

/// Messages by id.
pub(super) const LOCK: &str =
    concat!("SELECT ", message_row_columns!(), " FROM messages m WHERE m.id = ANY($1) ORDER BY m.seq FOR UPDATE OF m");

/// Messages by id with what an intent is decided by. Their gates are passed, so what stands beside them stays as it is read.
pub(super) const WANTED: &str = concat!(
    "SELECT ",
    message_row_columns!(),
    ", m.lane, m.expires_at, m.wa_id, t.content, CASE WHEN m.release_deadline > ",
    real_now!(),
    " THEN m.release_generation END AS release, c.state AS campaign_state, s.scope, s.reason AS suppressed_for \
     FROM messages m LEFT JOIN message_contents t ON t.message_seq = m.seq LEFT JOIN campaigns c ON c.id = m.campaign_id \
     LEFT JOIN suppressions s ON s.workspace_id = m.workspace_id AND s.hash = m.hash \
     WHERE m.id = ANY($1) ORDER BY m.seq FOR UPDATE OF m"
);

/// What waits although its time has passed.
pub(super) const EXPIRED: &str = concat!(
    "SELECT ",
    message_row_columns!(),
    " FROM messages m WHERE m.state = 'waiting' AND m.expires_at IS NOT NULL AND m.expires_at <= $1 \
     ORDER BY m.expires_at LIMIT $2 FOR UPDATE OF m SKIP LOCKED"
);

/// What waits of a campaign is in one of three small indexes: anyone's, a sender's own, or released.
pub(super) const OF_CAMPAIGN: &str = concat!(
    "SELECT ",
    message_row_columns!(),
    " FROM messages m WHERE m.state = 'waiting' AND m.seq = ANY(ARRAY( \
        SELECT f.seq FROM messages f WHERE f.campaign_id = $1 \
            AND f.state = 'waiting' AND f.release_deadline IS NULL AND f.sender_id IS NULL \
        UNION ALL SELECT b.seq FROM senders s CROSS JOIN LATERAL (SELECT b.seq FROM messages b \
            WHERE b.sender_id = s.id AND b.campaign_id = $1 AND b.state = 'waiting' AND b.release_deadline IS NULL OFFSET 0) b \
        UNION ALL SELECT r.seq FROM (SELECT seq, campaign_id FROM messages WHERE release_deadline IS NOT NULL OFFSET 0) r \
            WHERE r.campaign_id = $1 \
        LIMIT $2)) ORDER BY m.seq FOR UPDATE OF m SKIP LOCKED"
);

/// Each person's rows are looked up, however many of them the planner thinks there are: hence LATERAL and its OFFSET. What is being sent is
/// locked too: what of it comes back to wait does so after this commit, and its next intent sees the suppression. What was found
/// may have been sent or ended before its row was locked.
pub(super) const OF_PEOPLE: &str = concat!(
    "WITH person AS MATERIALIZED (SELECT v.hash, v.place FROM UNNEST($2::bytea[]) WITH ORDINALITY AS v (hash, place)), \
     wanted AS MATERIALIZED ( \
        SELECT m.seq, p.place FROM person p JOIN campaigns c \
            ON c.workspace_id = $1 AND c.state IN ('scheduled', 'running', 'paused') \
            CROSS JOIN LATERAL (SELECT row_no FROM recipients \
                WHERE campaign_id = c.id AND hash = p.hash OFFSET 0) r \
            CROSS JOIN LATERAL (SELECT seq, state FROM messages \
                WHERE campaign_id = c.id AND row_no = r.row_no OFFSET 0) m \
            WHERE m.state IN ('waiting', 'sending') \
        UNION ALL \
        SELECT m.seq, p.place FROM person p CROSS JOIN LATERAL (SELECT seq FROM messages \
            WHERE workspace_id = $1 AND hash = p.hash AND state = 'waiting' AND campaign_id IS NULL OFFSET 0) m WHERE $3 \
        UNION ALL \
        SELECT m.seq, p.place FROM person p CROSS JOIN LATERAL (SELECT seq FROM messages \
            WHERE hash = p.hash AND attempts > 0 AND workspace_id = $1 AND state = 'sending' AND campaign_id IS NULL \
            OFFSET 0) m WHERE $3) \
     SELECT w.place, ",
    message_row_columns!(),
    " FROM wanted w JOIN messages m ON m.seq = w.seq WHERE m.state IN ('waiting', 'sending') \
     ORDER BY m.seq FOR UPDATE OF m"
);

/// What was answered, by row.
pub(super) const ANSWERED: &str = "SELECT m.seq, m.id, m.campaign_id, m.replied_at, m.opted_out_at FROM messages m \
     WHERE m.seq = ANY($1) ORDER BY m.seq FOR UPDATE";

/// Reads a message's own columns.
pub(super) fn read_message_row(row: &PgRow) -> Fallible<MessageRow> {
    let cells = Cells::new("messages", row);
    Ok(MessageRow {
        seq: cells.number("seq")?,
        id: cells.id("id")?,
        workspace: cells.id("workspace_id")?,
        campaign: cells.opt_id("campaign_id")?,
        row: cells.opt_number("row_no")?,
        sender: cells.opt_id("sender_id")?,
        binding: cells.word("binding")?,
        to: cells.address()?,
        state: cells.word("state")?,
        attempts: cells.small("attempts")?,
        sent_at: cells.opt_time("sent_at")?,
        delivered_at: cells.opt_time("delivered_at")?,
        read_at: cells.opt_time("read_at")?,
    })
}

/// Reads a message that is about to be sent.
pub(super) fn read_wanted(row: &PgRow) -> Fallible<WantedRow> {
    let cells = Cells::new("messages", row);
    let suppression = match cells.opt_word::<SuppressionScope>("scope")? {
        None => None,
        Some(scope) => Some((scope, cells.word::<SuppressionReason>("suppressed_for")?)),
    };
    Ok(WantedRow {
        message: Locked::new(read_message_row(row)?),
        release: cells.opt_number("release")?.and_then(|number| i32::try_from(number).ok()).map(Generation),
        lane: cells.word("lane")?,
        expires_at: cells.opt_time("expires_at")?,
        wa_id: cells.wa_id("wa_id")?,
        content: cells.string("content")?,
        campaign: cells.opt_word::<CampaignState>("campaign_state")?,
        suppression,
    })
}

/// Reads a message that was answered.
pub(super) fn read_answered(row: &PgRow) -> Fallible<AnsweredRow> {
    let cells = Cells::new("messages", row);
    Ok(AnsweredRow {
        seq: cells.number("seq")?,
        id: cells.id("id")?,
        campaign: cells.opt_id("campaign_id")?,
        replied_at: cells.opt_time("replied_at")?,
        opted_out_at: cells.opt_time("opted_out_at")?,
    })
}
