//! Campaigns.

use crate::prelude::*;

/// Selects campaigns as others see them, and what else is said.
macro_rules! select_campaign {
    ($($rest:expr),+ $(,)?) => {
        paceline_ledger::select_campaign_with!($crate::counters::counts_of_campaign!(), $($rest),+)
    };
}
pub(crate) use select_campaign;

/// A campaign's own columns, which are what a lock holds; the table is named `c`.
macro_rules! campaign_row_columns {
    () => {
        "c.id, c.workspace_id, c.name, c.pool, c.state, c.columns, c.rows, c.accepted, c.planned_through, c.start_at, c.expires_at, \
         c.started_at"
    };
}

/// Selects what a lock holds of campaigns.
macro_rules! select_campaign_row {
    ($($rest:expr),+ $(,)?) => {
        concat!("SELECT ", campaign_row_columns!(), $($rest),+)
    };
}

/// The texts.
pub(crate) const TEXTS: CampaignTexts = CampaignTexts {
    add: "INSERT INTO campaigns (id, workspace_id, created_at, state, \
                name, template, pool, default_region, phone_column, start_at, expires_at) \
             VALUES ($1, $2, $3, 'draft', $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO NOTHING",
    find: select_campaign!(" FROM campaigns c WHERE c.id = $1"),
    lock: select_campaign_row!(" FROM campaigns c WHERE c.id = ANY($1) ORDER BY c.id FOR NO KEY UPDATE"),
    lock_scheduled: select_campaign_row!(
        " FROM campaigns c WHERE c.state = 'scheduled' AND (c.start_at IS NULL OR c.start_at <= $1) \
             ORDER BY c.start_at, c.created_at, c.id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED"
    ),
    lock_finished: select_campaign_row!(
        " FROM campaigns c WHERE c.state = 'running' AND c.planned_through >= c.rows AND \
                (SELECT coalesce(sum(k.count), 0) FROM campaign_counts k WHERE k.workspace_id = c.workspace_id \
                    AND k.campaign_id = c.id AND k.bucket IN ('waiting', 'sending')) = 0 \
             ORDER BY c.started_at, c.created_at, c.id LIMIT $1 FOR NO KEY UPDATE OF c SKIP LOCKED"
    ),
    count_open: "SELECT coalesce(sum(count), 0)::bigint AS open FROM campaign_counts \
             WHERE workspace_id = $1 AND campaign_id = $2 AND bucket IN ('waiting', 'sending')",
    lock_unswept: select_campaign_row!(
        " FROM campaigns c WHERE c.state = 'cancelled' AND NOT c.swept ORDER BY c.id LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED"
    ),
    set_swept: "UPDATE campaigns SET swept = $2 WHERE id = $1",
    set_definition: "UPDATE campaigns SET name = $2, template = $3, pool = $4, default_region = $5, phone_column = $6, \
             start_at = $7, expires_at = $8 WHERE id = $1",
    set_state: "UPDATE campaigns SET state = $2, started_at = $3, ended_at = $4 WHERE id = $1",
    set_planned_through: "UPDATE campaigns SET planned_through = $2 WHERE id = $1",
    set_rows: "UPDATE campaigns SET rows = $2, accepted = $3, columns = $4 WHERE id = $1",
    find_of_workspace: select_campaign!(" FROM campaigns c WHERE c.id = $1 AND c.workspace_id = $2"),
    list: select_campaign!(
        " FROM campaigns c WHERE c.workspace_id = $1 AND (c.created_at, c.id) < (coalesce($2, 'infinity'::timestamptz), \
                coalesce($3, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)) ORDER BY c.created_at DESC, c.id DESC LIMIT $4"
    ),
    list_exclusions: "SELECT x.row_no, x.phone, x.exclusion FROM campaigns c JOIN exclusions x ON x.campaign_id = c.id \
             WHERE c.id = $1 AND c.workspace_id = $2 AND x.row_no > $3 AND x.row_no <= c.rows ORDER BY x.row_no LIMIT $4",
    count_messages: "SELECT sender_id, state, count(*) AS messages, count(replied_at) AS replied, count(opted_out_at) AS opted_out \
             FROM messages WHERE campaign_id = $1 AND workspace_id = $2 GROUP BY sender_id, state ORDER BY sender_id",
};
