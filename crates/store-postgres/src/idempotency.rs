//! Idempotency keys. A row without an answer is a claim, good until `claimed_until`.

use crate::prelude::*;

/// Of two claims at once, the second waits for the first to commit and then finds it. The time by which it judges was taken before it
/// waited, so it errs towards a claim that holds.
const CLAIM: &str = concat!(
    "INSERT INTO idempotency_keys (workspace_id, key, claimed_until, recorded_at) VALUES ($1, $2, ",
    real_now!(),
    " + ",
    micros_of!("$3"),
    ", ",
    real_now!(),
    ") ON CONFLICT (workspace_id, key) DO UPDATE \
     SET claimed_until = excluded.claimed_until, recorded_at = excluded.recorded_at \
     WHERE idempotency_keys.status IS NULL AND idempotency_keys.claimed_until <= excluded.recorded_at"
);

/// One whose claim was taken away by a purge is recorded all the same.
const RECORD: &str = concat!(
    "INSERT INTO idempotency_keys \
     (workspace_id, key, claimed_until, request_hash, status, content_type, body, recorded_at) \
     VALUES ($1, $2, 'epoch', $3, $4, $5, $6, ",
    real_now!(),
    ") ON CONFLICT (workspace_id, key) DO UPDATE SET request_hash = excluded.request_hash, status = excluded.status, \
     content_type = excluded.content_type, body = excluded.body, recorded_at = excluded.recorded_at \
     WHERE idempotency_keys.status IS NULL"
);

/// The texts.
pub(crate) const TEXTS: IdempotencyTexts = IdempotencyTexts {
    claim: CLAIM,
    find: "SELECT request_hash, status, content_type, body FROM idempotency_keys \
             WHERE workspace_id = $1 AND key = $2 AND status IS NOT NULL",
    renew: concat!(
        "UPDATE idempotency_keys SET claimed_until = ",
        real_now!(),
        " + ",
        micros_of!("$3"),
        " WHERE workspace_id = $1 AND key = $2 AND status IS NULL"
    ),
    record: RECORD,
    void: "DELETE FROM idempotency_keys WHERE status IS NULL AND claimed_until > 'epoch'",
    release: "DELETE FROM idempotency_keys WHERE workspace_id = $1 AND key = $2 AND status IS NULL",
};
