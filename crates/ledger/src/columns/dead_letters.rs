//! Dead letters.

use paceline_domain::DeadLetterKind;
use paceline_store::dead_letters::{DeadBody, DeadLetter};

use crate::{
    Fallible,
    columns::{Cells, Columns},
    rows::DeadLetterRow,
};

/// The columns of a dead letter.
#[macro_export]
macro_rules! letter_columns {
    () => {
        "seq, id, workspace_id, kind, sender_id, reason, body, received_at, replayed_at"
    };
}

/// A dead letter.
pub fn dead_letter<R: Columns>(row: &R) -> Fallible<DeadLetterRow> {
    let cells = Cells::new("dead_letters", row);
    let kind: DeadLetterKind = cells.word("kind")?;
    let body = DeadBody::from_bytes(kind, cells.bytes("body")?).ok_or_else(|| cells.corrupt("body"))?;
    let letter = DeadLetter {
        id: cells.id("id")?,
        workspace: cells.opt_id("workspace_id")?,
        sender: cells.opt_id("sender_id")?,
        reason: cells.word("reason")?,
        body,
        received_at: cells.time("received_at")?,
        replayed_at: cells.opt_time("replayed_at")?,
    };
    Ok(DeadLetterRow { seq: cells.number("seq")?, letter })
}
