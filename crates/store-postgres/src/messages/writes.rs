//! The statements that write messages. Their rows are locked since before they were read.

use paceline_store::messages::NewMessage;

use crate::prelude::*;

/// A message with what it says. It changes nothing when the same was accepted a moment ago.
const ADD: &str = "WITH new AS (INSERT INTO messages (id, workspace_id, lane, state, sender_id, binding, pool_id, not_before, \
        expires_at, created_at, hash, phone, business_scoped_id, linked_id, wa_id, chars) \
        VALUES ($1, $2, $3, 'waiting', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) \
        ON CONFLICT (id) DO NOTHING RETURNING seq) \
     INSERT INTO message_contents (message_seq, workspace_id, content) SELECT seq, $2, $16 FROM new";

const FORWARD: &str = "UPDATE messages AS m \
    SET state = v.state, sent_at = v.sent_at, delivered_at = v.delivered_at, read_at = v.read_at, reason = NULL, ended_at = NULL \
    FROM unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[]) \
        AS v (seq, state, sent_at, delivered_at, read_at) WHERE m.seq = v.seq";

const END: &str = "UPDATE messages AS m \
    SET sender_id = v.sender_id, state = v.state, reason = v.reason, ended_at = v.ended_at, release_deadline = NULL \
    FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[]) \
        AS v (seq, sender_id, state, reason, ended_at) WHERE m.seq = v.seq";

const BACK: &str = "UPDATE messages AS m \
    SET state = 'waiting', sender_id = v.sender_id, binding = v.binding, not_before = v.not_before, waits_for = v.waits_for, \
        reason = NULL, ended_at = NULL, release_deadline = NULL \
    FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::timestamptz[], $5::text[]) \
        AS v (seq, sender_id, binding, not_before, waits_for) WHERE m.seq = v.seq";

const ANSWERS: &str = "UPDATE messages SET replied_at = v.replied_at, opted_out_at = v.opted_out_at \
    FROM unnest($1::bigint[], $2::timestamptz[], $3::timestamptz[]) AS v (seq, replied_at, opted_out_at) \
    WHERE messages.seq = v.seq";

/// Adds a message that waits.
pub(super) fn add(message: &NewMessage, routed: RoutedTo) -> Bound<'_> {
    sqlx::query(ADD)
        .bind(uuid(message.id))
        .bind(uuid(message.workspace))
        .bind(message.lane.as_str())
        .bind(opt_uuid(routed.sender))
        .bind(routed.binding.as_str())
        .bind(opt_uuid(routed.pool))
        .bind(message.not_before.unwrap_or(DateTime::UNIX_EPOCH))
        .bind(message.expires_at)
        .bind(message.created_at)
        .bind(hash(message.hash))
        .bind(message.to.phone.as_ref().map(PhoneNumber::as_e164))
        .bind(message.to.business_scoped_id.as_deref().map(storable))
        .bind(message.to.linked_id.as_deref().map(storable))
        .bind(message.wa_id.as_str())
        .bind(i32::try_from(message.content.typed_chars()).unwrap_or(i32::MAX))
        .bind(serde_json::json!(message.content).to_string())
}

/// Receipts and acceptance: forward, and out of `unknown`.
pub(super) fn forward<'w>(moved: &'w [ForwardWrite<'_>]) -> Bound<'w> {
    sqlx::query(FORWARD)
        .bind(column(moved, |moved| moved.message.seq))
        .bind(column(moved, |moved| moved.state.as_str()))
        .bind(column(moved, |moved| moved.sent_at))
        .bind(column(moved, |moved| moved.delivered_at))
        .bind(column(moved, |moved| moved.read_at))
}

/// Failed, unknown, expired, cancelled.
pub(super) fn end<'w>(ended: &'w [EndWrite<'_>]) -> Bound<'w> {
    sqlx::query(END)
        .bind(column(ended, |ended| ended.message.seq))
        .bind(column(ended, |ended| opt_uuid(ended.sender)))
        .bind(column(ended, |ended| ended.state.as_str()))
        .bind(column(ended, |ended| ended.reason))
        .bind(column(ended, |ended| ended.ended_at))
}

/// Waiting again.
pub(super) fn back<'w>(returned: &'w [ReturnWrite<'_>]) -> Bound<'w> {
    sqlx::query(BACK)
        .bind(column(returned, |returned| returned.message.seq))
        .bind(column(returned, |returned| opt_uuid(returned.sender)))
        .bind(column(returned, |returned| returned.binding.as_str()))
        .bind(column(returned, |returned| returned.not_before))
        .bind(column(returned, |returned| returned.waits_for))
}

/// When messages were first answered.
pub(super) fn answers<'w>(answers: &'w [Answer<'_>]) -> Bound<'w> {
    sqlx::query(ANSWERS)
        .bind(column(answers, |answer| answer.message.seq))
        .bind(column(answers, |answer| answer.replied_at))
        .bind(column(answers, |answer| answer.opted_out_at))
}
