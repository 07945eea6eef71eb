//! Webhook endpoints, and their deliveries as a person sees them.

use crate::prelude::*;

/// Selects how endpoints have answered of late. Values: ids, patience.
const STANDINGS: &str = concat!(
    "SELECT w.id, w.workspace_id, w.failing_since IS NOT NULL AS is_failing, \
     coalesce(w.failing_since <= ",
    real_now!(),
    " - ?2, 0) AS is_out_of_patience, w.disabled_at IS NOT NULL AS is_disabled \
     FROM json_each(?1) j CROSS JOIN webhook_endpoints w ON w.id = unhex(j.value) ORDER BY w.id"
);

/// The texts.
pub(crate) const TEXTS: EndpointTexts = EndpointTexts {
    add: "INSERT INTO webhook_endpoints (id, workspace_id, url, events, secret, created_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (id) DO NOTHING",
    find: select_endpoint!(" WHERE id = ?1"),
    lock: None,
    list_standings: STANDINGS,
    lock_standings: STANDINGS,
    set_well: "UPDATE webhook_endpoints SET failing_since = NULL WHERE id = ?1",
    set_failing: concat!("UPDATE webhook_endpoints SET failing_since = ", real_now!(), " WHERE id = ?1"),
    disable: concat!("UPDATE webhook_endpoints SET disabled_for = ?2, disabled_at = ", real_now!(), " WHERE id = ?1"),
    enable: "UPDATE webhook_endpoints SET failing_since = NULL, disabled_at = NULL, disabled_for = NULL WHERE id = ?1",
    remove: "DELETE FROM webhook_endpoints WHERE id = ?1",
    note_removed: "INSERT INTO removed_webhook_endpoints (id, workspace_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
    end_of_disabled: concat!(
        "UPDATE webhook_deliveries SET state = 'exhausted', last_error = ?1, token = token + 1, claimed_until = NULL, \
             next_at = NULL, recorded_at = ",
        real_now!(),
        " WHERE seq IN (SELECT d.seq FROM webhook_endpoints w CROSS JOIN webhook_deliveries d ON d.endpoint_id = w.id \
             WHERE w.disabled_at IS NOT NULL AND d.state = 'waiting' LIMIT ?2)"
    ),
    remove_of_removed: "DELETE FROM webhook_deliveries WHERE seq IN (SELECT d.seq FROM removed_webhook_endpoints r \
             CROSS JOIN webhook_deliveries d ON d.endpoint_id = r.id WHERE d.state = 'waiting' LIMIT ?1)",
    forget_removed: "DELETE FROM removed_webhook_endpoints AS r WHERE NOT EXISTS (SELECT 1 FROM webhook_deliveries d \
             WHERE d.endpoint_id = r.id AND d.state = 'waiting')",
    // A new token, so that a try that is under way cannot record its outcome over the new beginning.
    redeliver: concat!(
        "UPDATE webhook_deliveries SET state = 'waiting', attempts = 0, token = token + 1, claimed_until = NULL, \
             recorded_at = NULL, next_at = ",
        real_now!(),
        " WHERE id = ?1 AND endpoint_id = ?2 AND workspace_id = ?3 \
             AND EXISTS (SELECT 1 FROM webhook_endpoints w WHERE w.id = ?2)"
    ),
    find_delivery: select_delivery!(" FROM webhook_deliveries d JOIN events e ON e.seq = d.event_seq WHERE d.id = ?1"),
    list: select_endpoint!(" WHERE workspace_id = ?1 ORDER BY created_at, id"),
    exists: "SELECT 1 FROM webhook_endpoints WHERE id = ?1 AND workspace_id = ?2",
    has_any_to_end: "SELECT 1 WHERE EXISTS (SELECT 1 FROM removed_webhook_endpoints) \
             OR EXISTS (SELECT 1 FROM webhook_endpoints w CROSS JOIN webhook_deliveries d ON d.endpoint_id = w.id \
                WHERE w.disabled_at IS NOT NULL AND d.state = 'waiting')",
    list_deliveries: select_delivery!(
        " FROM webhook_deliveries d CROSS JOIN events e ON e.seq = d.event_seq \
             WHERE d.endpoint_id = ?1 AND d.seq < ?2 ORDER BY d.seq DESC LIMIT ?3"
    ),
};
