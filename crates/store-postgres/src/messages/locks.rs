//! The statements that lock messages.

use crate::prelude::*;

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
