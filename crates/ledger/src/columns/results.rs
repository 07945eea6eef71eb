//! Results.

use crate::{
    Fallible,
    columns::{Cells, Columns},
    rows::Reporter,
};

/// A sender that reports.
pub fn reporter<R: Columns>(row: &R) -> Fallible<Reporter> {
    let cells = Cells::new("senders", row);
    let (sender, workspace) = (cells.id("id")?, cells.id("workspace_id")?);
    Ok(Reporter { sender, workspace, key: cells.workspace_key()? })
}

/// The id of a result in the inbox.
pub fn inbox_id<R: Columns>(row: &R) -> Fallible<[u8; 16]> {
    Cells::new("inbox", row).id_bytes("id")
}
