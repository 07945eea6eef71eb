//! Worker processes.

use crate::{prelude::*, senders::select_sender};

/// The texts.
pub(crate) const TEXTS: FleetTexts = FleetTexts {
    remove_silent: concat!("DELETE FROM workers WHERE expires_at <= ", real_now!(), " AND id <> ?1"),
    put: concat!(
        "INSERT INTO workers (id, host, pid, version, pinned_sender_id, slots, channels, listen, resident_bytes, \
                draining, started_at, seen_at, expires_at) \
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, n.now, n.now, n.now + ?11 FROM (SELECT ",
        real_now!(),
        " AS now) n WHERE true ON CONFLICT (id) DO UPDATE SET slots = excluded.slots, channels = excluded.channels, \
                listen = excluded.listen, resident_bytes = excluded.resident_bytes, draining = excluded.draining, \
                seen_at = excluded.seen_at, expires_at = excluded.expires_at"
    ),
    remove: "DELETE FROM workers WHERE id = ?1",
    list: concat!(
        "SELECT id, host, pid, version, pinned_sender_id, slots, channels, listen, resident_bytes, draining, started_at, \
                seen_at FROM workers WHERE expires_at > ",
        real_now!(),
        " ORDER BY started_at, id"
    ),
    list_active_senders: select_sender!(" FROM senders s WHERE s.state = 'active' ORDER BY s.created_at, s.id"),
    list_senders_by_id: select_sender!(" FROM senders s WHERE s.state <> 'removed' AND s.id = ?1"),
    list_senders_by_phone: select_sender!(
        " FROM senders s WHERE s.state <> 'removed' AND s.phone = ?1 ORDER BY s.created_at, s.id"
    ),
    count_leases: concat!(
        "SELECT lease_worker, count(*) AS leases FROM senders WHERE lease_expires_at > ",
        real_now!(),
        " GROUP BY lease_worker ORDER BY lease_worker"
    ),
    count_shared_senders: concat!(
        "SELECT count(*) AS senders FROM senders s WHERE s.state = 'active' \
                AND s.channel IN (SELECT value FROM json_each(?1)) \
                AND NOT EXISTS (SELECT 1 FROM workers w WHERE w.pinned_sender_id = s.id AND w.expires_at > ",
        real_now!(),
        ")"
    ),
};
