//! Webhook endpoints, and their deliveries as a person sees them.

use crate::{events::endpoints_lock, prelude::*};

/// A new token, so that a try that is under way cannot record its outcome over the new beginning.
const REDELIVER: &str = concat!(
    "UPDATE webhook_deliveries SET state = 'waiting', attempts = 0, token = token + 1, claimed_until = NULL, \
     recorded_at = NULL, next_at = ",
    real_now!(),
    " WHERE id = $1 AND endpoint_id = $2 AND workspace_id = $3 \
     AND EXISTS (SELECT 1 FROM webhook_endpoints w WHERE w.id = $2)"
);

/// Selects how endpoints have answered of late, and what else is said. Values: ids, patience.
macro_rules! select_standing {
    ($($rest:expr),* $(,)?) => {
        concat!(
            "SELECT w.id, w.workspace_id, w.failing_since IS NOT NULL AS is_failing, \
             coalesce(w.failing_since <= ",
            real_now!(),
            " - ",
            micros_of!("$2"),
            ", false) AS is_out_of_patience, w.disabled_at IS NOT NULL AS is_disabled \
             FROM webhook_endpoints w WHERE w.id = ANY($1)",
            $($rest),*
        )
    };
}

const END_OF_DISABLED: &str = concat!(
    "UPDATE webhook_deliveries SET state = 'exhausted', last_error = $1, token = token + 1, claimed_until = NULL, \
     next_at = NULL, recorded_at = ",
    real_now!(),
    " WHERE seq = ANY(ARRAY(SELECT d.seq FROM webhook_endpoints w JOIN webhook_deliveries d ON d.endpoint_id = w.id \
        WHERE w.disabled_at IS NOT NULL AND d.state = 'waiting' LIMIT $2 FOR UPDATE OF d SKIP LOCKED))"
);

const REMOVE_OF_REMOVED: &str = "DELETE FROM webhook_deliveries \
    WHERE seq = ANY(ARRAY(SELECT d.seq FROM removed_webhook_endpoints r JOIN webhook_deliveries d ON d.endpoint_id = r.id \
        WHERE d.state = 'waiting' LIMIT $1 FOR UPDATE OF d SKIP LOCKED))";

/// The texts.
pub(crate) const TEXTS: EndpointTexts = EndpointTexts {
    add: "INSERT INTO webhook_endpoints (id, workspace_id, url, events, secret, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING",
    find: select_endpoint!(" WHERE id = $1"),
    // Waits for those who are writing deliveries for the workspace's endpoints: see `keep_subscriptions`.
    lock: Some(concat!("SELECT pg_advisory_xact_lock(", endpoints_lock!("$1::uuid"), ")")),
    list_standings: select_standing!(),
    lock_standings: select_standing!(" ORDER BY w.id FOR NO KEY UPDATE"),
    set_well: "UPDATE webhook_endpoints SET failing_since = NULL WHERE id = $1",
    set_failing: concat!("UPDATE webhook_endpoints SET failing_since = ", real_now!(), " WHERE id = $1"),
    disable: concat!("UPDATE webhook_endpoints SET disabled_for = $2, disabled_at = ", real_now!(), " WHERE id = $1"),
    enable: "UPDATE webhook_endpoints SET failing_since = NULL, disabled_at = NULL, disabled_for = NULL WHERE id = $1",
    remove: "DELETE FROM webhook_endpoints WHERE id = $1",
    note_removed: "INSERT INTO removed_webhook_endpoints (id, workspace_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
    end_of_disabled: END_OF_DISABLED,
    remove_of_removed: REMOVE_OF_REMOVED,
    forget_removed: "DELETE FROM removed_webhook_endpoints r WHERE NOT EXISTS (SELECT 1 FROM webhook_deliveries d \
             WHERE d.endpoint_id = r.id AND d.state = 'waiting')",
    redeliver: REDELIVER,
    find_delivery: select_delivery!(" FROM webhook_deliveries d JOIN events e ON e.seq = d.event_seq WHERE d.id = $1"),
    list: select_endpoint!(" WHERE workspace_id = $1 ORDER BY created_at, id"),
    exists: "SELECT 1 FROM webhook_endpoints WHERE id = $1 AND workspace_id = $2",
    has_any_to_end: "SELECT 1 WHERE EXISTS (SELECT 1 FROM removed_webhook_endpoints) \
             OR EXISTS (SELECT 1 FROM webhook_endpoints w JOIN webhook_deliveries d ON d.endpoint_id = w.id \
                WHERE w.disabled_at IS NOT NULL AND d.state = 'waiting')",
    list_deliveries: select_delivery!(
        " FROM webhook_deliveries d JOIN events e ON e.seq = d.event_seq \
             WHERE d.endpoint_id = $1 AND d.seq < $2 ORDER BY d.seq DESC LIMIT $3"
    ),
};
