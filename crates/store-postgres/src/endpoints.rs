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

/// The texts.
pub(crate) const TEXTS: EndpointTexts = EndpointTexts {
    add: "INSERT INTO webhook_endpoints (id, workspace_id, url, events, secret, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING",
    find: "SELECT id, workspace_id, url, events, secret, created_at FROM webhook_endpoints WHERE id = $1",
    // Waits for those who are writing deliveries for the workspace's endpoints: see `keep_subscriptions`.
    lock: Some(concat!("SELECT pg_advisory_xact_lock(", endpoints_lock!("$1::uuid"), ")")),
    remove: "DELETE FROM webhook_endpoints WHERE id = $1 AND workspace_id = $2",
    remove_waiting: "DELETE FROM webhook_deliveries WHERE endpoint_id = $1 AND state = 'waiting'",
    redeliver: REDELIVER,
    find_delivery: select_delivery!(" FROM webhook_deliveries d JOIN events e ON e.seq = d.event_seq WHERE d.id = $1"),
    list: "SELECT id, workspace_id, url, events, secret, created_at FROM webhook_endpoints \
             WHERE workspace_id = $1 ORDER BY id",
    exists: "SELECT 1 FROM webhook_endpoints WHERE id = $1 AND workspace_id = $2",
    list_deliveries: select_delivery!(
        " FROM webhook_deliveries d JOIN events e ON e.seq = d.event_seq \
             WHERE d.endpoint_id = $1 AND d.seq < $2 ORDER BY d.seq DESC LIMIT $3"
    ),
};
