//! Attempts.

use chrono::{DateTime, Utc};
use paceline_domain::{AddressHash, Epoch, Outcome};
use paceline_store::messages::Attempt;

use crate::{
    Fallible,
    columns::{Cells, Columns},
    locks::Locked,
    rows::{AdoptableRow, AttemptRow, EndedAttemptRow, UnappliedRow},
};

/// An attempt's own columns.
pub fn attempt_row<R: Columns>(row: &R) -> Fallible<AttemptRow> {
    let cells = Cells::new("attempts", row);
    Ok(AttemptRow {
        seq: cells.number("seq")?,
        message: cells.id("message_id")?,
        number: cells.small("number")?,
        epoch: Epoch(cells.number("epoch")?),
    })
}

/// An attempt that a new holder of its sender may take over. It is locked.
pub fn adoptable<R: Columns>(row: &R) -> Fallible<AdoptableRow> {
    let cells = Cells::new("attempts", row);
    Ok(AdoptableRow {
        attempt: Locked::new(attempt_row(row)?),
        outcome: outcome(cells)?,
        lane: cells.word("lane")?,
        to: cells.address()?,
        wa_id: cells.wa_id("wa_id")?,
        content: cells.string("content")?,
        suppression: cells.opt_word("scope")?,
    })
}

/// An attempt that has ended.
pub fn ended_attempt<R: Columns>(row: &R) -> Fallible<EndedAttemptRow> {
    let AttemptRow { message, number: attempt, epoch, .. } = attempt_row(row)?;
    Ok(EndedAttemptRow { message, attempt, epoch, outcome: Cells::new("attempts", row).json("outcome")? })
}

/// An attempt whose outcome has not been applied.
pub fn unapplied<R: Columns>(row: &R) -> Fallible<UnappliedRow> {
    let cells = Cells::new("attempts", row);
    let AttemptRow { message, number: attempt, epoch, .. } = attempt_row(row)?;
    let (outcome, at) = (cells.json("outcome")?, cells.time("ended_at")?);
    Ok(UnappliedRow { sender: cells.id("sender_id")?, message, attempt, epoch, outcome, at })
}

/// A message that is being sent: its row and its person.
pub fn sending<R: Columns>(row: &R) -> Fallible<(i64, AddressHash)> {
    let cells = Cells::new("messages", row);
    Ok((cells.number("seq")?, cells.hash("hash")?))
}

/// An attempt as others see it.
pub fn attempt<R: Columns>(row: &R) -> Fallible<Attempt> {
    let cells = Cells::new("attempts", row);
    let outcome = outcome(cells)?;
    Ok(Attempt {
        number: cells.small("number")?,
        sender: cells.id("sender_id")?,
        worker: cells.id("worker_id")?,
        epoch: Epoch(cells.number("epoch")?),
        intended_at: cells.time("intended_at")?,
        sends: cells.small("sends")?,
        profile_version: cells.small("profile_version")?,
        pace_inputs: cells.json("pace_inputs")?,
        ended_at: outcome.as_ref().map(|(_, at)| *at),
        outcome: outcome.map(|(outcome, _)| outcome),
    })
}

/// An attempt's outcome and when it ended.
fn outcome<R: Columns>(cells: Cells<'_, R>) -> Fallible<Option<(Outcome, DateTime<Utc>)>> {
    match cells.opt_text("outcome")? {
        None => Ok(None),
        Some(_) => Ok(Some((cells.json("outcome")?, cells.time("ended_at")?))),
    }
}
