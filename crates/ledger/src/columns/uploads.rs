//! Uploads and the rows that they bring.

use paceline_domain::AddressHash;
use paceline_store::recipients::{RecipientRow, UploadSummary};

use crate::{
    Fallible,
    columns::{Cells, Columns},
    rows::{OpenUploadRow, UploadRow},
};

/// An upload that is open.
pub fn upload_row<R: Columns>(row: &R) -> Fallible<UploadRow> {
    let cells = Cells::new("uploads", row);
    Ok(UploadRow {
        id: cells.id("id")?,
        workspace: cells.id("workspace_id")?,
        campaign: cells.id("campaign_id")?,
        first_row: cells.number("first_row")?,
        rows: cells.number("rows")?,
        accepted: cells.number("accepted")?,
        excluded: cells.json("excluded")?,
        has_run_out: cells.flag("has_run_out")?,
        holder: cells.opt_id("holder")?,
    })
}

/// That an upload is open.
pub fn open_upload<R: Columns>(row: &R) -> Fallible<OpenUploadRow> {
    let cells = Cells::new("uploads", row);
    Ok(OpenUploadRow { id: cells.id("id")?, has_run_out: cells.flag("has_run_out")? })
}

/// What an upload has brought.
pub fn committed_upload<R: Columns>(row: &R) -> Fallible<UploadSummary> {
    let cells = Cells::new("uploads", row);
    let (rows, accepted) = (cells.number("rows")?, cells.number("accepted")?);
    Ok(UploadSummary { rows, accepted, excluded: cells.json("excluded")? })
}

/// An accepted row.
pub fn recipient<R: Columns>(row: &R) -> Fallible<RecipientRow> {
    let cells = Cells::new("recipients", row);
    Ok(RecipientRow {
        row: cells.number("row_no")?,
        address: cells.address()?,
        hash: cells.hash("hash")?,
        variables: cells.string("variables")?,
    })
}

/// A person's row.
pub fn earlier_row<R: Columns>(row: &R) -> Fallible<(AddressHash, i64)> {
    let cells = Cells::new("recipients", row);
    Ok((cells.hash("hash")?, cells.number("row_no")?))
}
