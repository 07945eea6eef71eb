//! Messages that wait.

use crate::{
    Fallible,
    columns::{Cells, Columns},
    rows::WaitingRow,
};

/// A message that waits.
pub fn waiting<R: Columns>(row: &R) -> Fallible<WaitingRow> {
    let cells = Cells::new("messages", row);
    Ok(WaitingRow {
        seq: cells.number("seq")?,
        id: cells.id("id")?,
        sender: cells.opt_id("sender_id")?,
        binding: cells.word("binding")?,
        not_before: cells.time("not_before")?,
        waits_for: cells.opt_string("waits_for")?,
    })
}
