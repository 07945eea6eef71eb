//! Campaigns.

use std::collections::BTreeMap;

use paceline_store::campaigns::{Campaign, CampaignDefinition, ExcludedRow};

use crate::{
    Counts, Fallible,
    columns::{Cells, Columns},
    rows::{CampaignRow, ShareRow},
};

/// Selects campaigns as others see them, and what else is said; `$counts` is how a database gathers the column `counts`, and the table is
/// named `c`.
#[macro_export]
macro_rules! select_campaign_with {
    ($counts:expr, $($rest:expr),+) => {
        concat!(
            "SELECT c.id, c.workspace_id, c.name, c.template, c.pool, c.default_region, c.phone_column, c.start_at, c.expires_at, \
             c.state, c.columns, c.rows, c.planned_through, c.created_at, c.started_at, c.ended_at, ",
            $counts,
            $($rest),+
        )
    };
}

/// A campaign as others see it, its counts among its columns as a JSON object.
pub fn campaign<R: Columns>(row: &R) -> Fallible<Campaign> {
    let cells = Cells::new("campaigns", row);
    let counts = Counts::of(cells.json::<BTreeMap<String, i64>>("counts")?).ok_or_else(|| cells.corrupt("counts"))?;
    Ok(Campaign {
        id: cells.id("id")?,
        workspace: cells.id("workspace_id")?,
        definition: CampaignDefinition {
            name: cells.string("name")?,
            template: cells.string("template")?,
            pool: cells.string("pool")?,
            default_region: cells.opt_string("default_region")?,
            phone_column: cells.opt_string("phone_column")?,
            start_at: cells.opt_time("start_at")?,
            expires_at: cells.opt_time("expires_at")?,
        },
        state: cells.word("state")?,
        columns: cells.json("columns")?,
        rows: cells.number("rows")?,
        planned_through: cells.number("planned_through")?,
        account: counts.account,
        excluded: counts.excluded,
        failed: counts.failed,
        created_at: cells.time("created_at")?,
        started_at: cells.opt_time("started_at")?,
        ended_at: cells.opt_time("ended_at")?,
    })
}

/// A campaign's own columns.
pub fn campaign_row<R: Columns>(row: &R) -> Fallible<CampaignRow> {
    let cells = Cells::new("campaigns", row);
    Ok(CampaignRow {
        id: cells.id("id")?,
        workspace: cells.id("workspace_id")?,
        name: cells.string("name")?,
        pool: cells.string("pool")?,
        state: cells.word("state")?,
        columns: cells.json("columns")?,
        rows: cells.number("rows")?,
        accepted: cells.number("accepted")?,
        planned_through: cells.number("planned_through")?,
        start_at: cells.opt_time("start_at")?,
        expires_at: cells.opt_time("expires_at")?,
        started_at: cells.opt_time("started_at")?,
    })
}

/// A row that is none of a campaign's recipients.
pub fn excluded_row<R: Columns>(row: &R) -> Fallible<ExcludedRow> {
    let cells = Cells::new("exclusions", row);
    let phone = cells.opt_string("phone")?;
    Ok(ExcludedRow { row: cells.number("row_no")?, phone, exclusion: cells.json("exclusion")? })
}

/// A sender's share of a campaign.
pub fn share<R: Columns>(row: &R) -> Fallible<ShareRow> {
    let cells = Cells::new("messages", row);
    Ok(ShareRow {
        sender: cells.opt_id("sender_id")?,
        state: cells.word("state")?,
        messages: cells.number("messages")?,
        replied: cells.number("replied")?,
        opted_out: cells.number("opted_out")?,
    })
}
