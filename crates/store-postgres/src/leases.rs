//! Leases and sealed sessions.

use crate::{prelude::*, senders::select_sender};

/// Senders that another process is just taking are left to it. The limit is reckoned once, before anything is changed.
const CLAIM: &str = concat!(
    "WITH wanted AS MATERIALIZED (SELECT id FROM senders WHERE state = 'active' AND ($3::uuid IS NULL OR id = $3) \
        AND channel = ANY($4) AND (lease_expires_at IS NULL OR lease_expires_at <= ",
    real_now!(),
    ") ORDER BY created_at, id LIMIT $5 FOR NO KEY UPDATE SKIP LOCKED) \
     UPDATE senders SET lease_worker = $1, lease_epoch = lease_epoch + 1, lease_expires_at = ",
    real_now!(),
    " + ",
    micros_of!("$2"),
    " FROM wanted WHERE senders.id = wanted.id RETURNING senders.id"
);

/// The texts.
pub(crate) const TEXTS: LeaseTexts = LeaseTexts {
    claim: CLAIM,
    list: select_sender!(
        ", w.key FROM senders s JOIN workspaces w ON w.id = s.workspace_id \
             WHERE s.id = ANY($1) ORDER BY s.created_at, s.id"
    ),
    renew: concat!(
        "UPDATE senders SET lease_expires_at = ",
        real_now!(),
        " + ",
        micros_of!("$2"),
        " WHERE id = ANY($1)"
    ),
    release: "UPDATE senders SET lease_worker = NULL, lease_expires_at = NULL WHERE id = $1 AND lease_epoch = $2",
    end: concat!(
        "UPDATE senders SET lease_worker = NULL, lease_expires_at = NULL WHERE id IN \
                (SELECT id FROM senders WHERE lease_expires_at > ",
        real_now!(),
        " AND ($1::uuid IS NULL OR lease_worker = $1) ORDER BY id FOR NO KEY UPDATE)"
    ),
    put_session: "INSERT INTO sender_sessions (sender_id, device, workspace_id, blob, key_id, epoch) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (sender_id, device) DO UPDATE SET blob = excluded.blob, key_id = excluded.key_id, epoch = excluded.epoch",
    remove_session: "DELETE FROM sender_sessions WHERE sender_id = $1 AND device = $2",
    find_session: "SELECT blob, key_id FROM sender_sessions WHERE sender_id = $1 AND device = $2",
};
