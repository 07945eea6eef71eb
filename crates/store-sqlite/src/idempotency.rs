//! Idempotency keys. A row without an answer is a claim, good until `claimed_until`.

use crate::prelude::*;

/// The texts.
pub(crate) const TEXTS: IdempotencyTexts = IdempotencyTexts {
    claim: concat!(
        "INSERT INTO idempotency_keys (workspace_id, key, claimed_until, recorded_at) VALUES (?1, ?2, ",
        real_now!(),
        " + ?3, ",
        real_now!(),
        ") ON CONFLICT DO UPDATE SET claimed_until = excluded.claimed_until, recorded_at = excluded.recorded_at \
             WHERE status IS NULL AND claimed_until <= excluded.recorded_at"
    ),
    find: "SELECT request_hash, status, content_type, body FROM idempotency_keys \
             WHERE workspace_id = ?1 AND key = ?2 AND status IS NOT NULL",
    renew: concat!(
        "UPDATE idempotency_keys SET claimed_until = ",
        real_now!(),
        " + ?3 WHERE workspace_id = ?1 AND key = ?2 AND status IS NULL"
    ),
    record: concat!(
        "INSERT INTO idempotency_keys \
             (workspace_id, key, claimed_until, request_hash, status, content_type, body, recorded_at) \
             VALUES (?1, ?2, 0, ?3, ?4, ?5, ?6, ",
        real_now!(),
        ") ON CONFLICT DO UPDATE SET request_hash = excluded.request_hash, status = excluded.status, \
             content_type = excluded.content_type, body = excluded.body, recorded_at = excluded.recorded_at \
             WHERE status IS NULL"
    ),
    void: "DELETE FROM idempotency_keys INDEXED BY idempotency_keys_unanswered WHERE status IS NULL AND claimed_until > 0",
    release: "DELETE FROM idempotency_keys WHERE workspace_id = ?1 AND key = ?2 AND status IS NULL",
};
