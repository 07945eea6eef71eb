//! Leases and sealed sessions.

use crate::{prelude::*, senders::select_sender};

/// The texts.
pub(crate) const TEXTS: LeaseTexts = LeaseTexts {
    claim: concat!(
        "UPDATE senders SET lease_worker = ?1, lease_epoch = lease_epoch + 1, lease_expires_at = ",
        real_now!(),
        " + ?2 WHERE id IN (SELECT id FROM senders WHERE state = 'active' AND (?3 IS NULL OR id = ?3) \
                AND channel IN (SELECT value FROM json_each(?4)) \
                AND (lease_expires_at IS NULL OR lease_expires_at <= ",
        real_now!(),
        ") ORDER BY created_at, id LIMIT ?5) RETURNING id"
    ),
    list: select_sender!(
        ", w.key FROM json_each(?1) j CROSS JOIN senders s ON s.id = unhex(j.value) \
             JOIN workspaces w ON w.id = s.workspace_id ORDER BY s.created_at, s.id"
    ),
    renew: concat!(
        "UPDATE senders SET lease_expires_at = ",
        real_now!(),
        " + ?2 WHERE id IN (SELECT unhex(value) FROM json_each(?1))"
    ),
    release: "UPDATE senders SET lease_worker = NULL, lease_expires_at = NULL WHERE id = ?1 AND lease_epoch = ?2",
    end: concat!(
        "UPDATE senders SET lease_worker = NULL, lease_expires_at = NULL WHERE lease_expires_at > ",
        real_now!(),
        " AND (?1 IS NULL OR lease_worker = ?1)"
    ),
    put_session: "INSERT INTO sender_sessions (sender_id, device, workspace_id, blob, key_id, epoch) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
             ON CONFLICT (sender_id, device) DO UPDATE SET blob = excluded.blob, key_id = excluded.key_id, epoch = excluded.epoch",
    remove_session: "DELETE FROM sender_sessions WHERE sender_id = ?1 AND device = ?2",
    find_session: "SELECT blob, key_id FROM sender_sessions WHERE sender_id = ?1 AND device = ?2",
};
