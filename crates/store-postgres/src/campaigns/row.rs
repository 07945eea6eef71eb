//! A campaign as it is read: as others see it, and its own columns as far as transactions decide by them.

use paceline_ledger::{Fallible, rows::CampaignRow};
use paceline_store::campaigns::{Campaign, CampaignDefinition};
use sqlx::postgres::PgRow;

use crate::{cells::Cells, counters::read_counts};

/// The columns of a campaign as others see it, its counts among them; the table is named `c`.
macro_rules! campaign_columns {
    () => {
        concat!(
            "c.id, c.workspace_id, c.name, c.template, c.pool, c.default_region, c.phone_column, c.start_at, c.expires_at, \
             c.state, c.columns, c.rows, c.planned_through, c.created_at, c.started_at, c.ended_at, ",
            $crate::counters::counts_of_campaign!()
        )
    };
}
pub(crate) use campaign_columns;

/// A campaign's own columns, which are what a lock holds; the table is named `c`.
macro_rules! campaign_row_columns {
    () => {
        "c.id, c.workspace_id, c.name, c.pool, c.state, c.columns, c.rows, c.accepted, c.planned_through, c.start_at, c.expires_at, \
         c.started_at"
    };
}
pub(super) use campaign_row_columns;

/// Reads a campaign as others see it.
pub(crate) fn read_campaign(row: &PgRow) -> Fallible<Campaign> {
    let cells = Cells::new("campaigns", row);
    let counts = read_counts(cells)?;
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

/// Reads a campaign that is locked.
pub(super) fn read_campaign_row(row: &PgRow) -> Fallible<CampaignRow> {
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
