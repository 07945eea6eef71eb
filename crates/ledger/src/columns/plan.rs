//! Planning.

use chrono::{DateTime, Utc};
use paceline_domain::SuppressionReason;
use paceline_store::plan::PlanningCampaign;

use crate::{
    Fallible,
    columns::{Cells, Columns, campaign, recipient},
    rows::UndecidedRow,
};

/// A recipient's row whose person is suppressed: since when, and why.
pub fn suppressed<R: Columns>(row: &R) -> Fallible<(i64, (DateTime<Utc>, SuppressionReason))> {
    let cells = Cells::new("suppressions", row);
    Ok((cells.number("row_no")?, (cells.time("since")?, cells.word("reason")?)))
}

/// A campaign that is being planned, and beside its columns the key of its workspace.
pub fn planning<R: Columns>(row: &R) -> Fallible<PlanningCampaign> {
    let key = Cells::new("workspaces", row).workspace_key()?;
    Ok(PlanningCampaign { campaign: campaign(row)?, key })
}

/// A recipient that has no message yet.
pub fn undecided<R: Columns>(row: &R) -> Fallible<UndecidedRow> {
    let cells = Cells::new("recipients", row);
    let (is_suppressed, sticky) = (cells.flag("is_suppressed")?, cells.opt_id("sticky")?);
    Ok(UndecidedRow { recipient: recipient(row)?, is_suppressed, sticky })
}
