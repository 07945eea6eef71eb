//! Figures.

use std::time::Duration;

use crate::{
    Fallible,
    columns::{Cells, Columns},
    rows::OtherFigures,
};

/// The figures that are counted by one statement.
pub fn figures<R: Columns>(row: &R) -> Fallible<OtherFigures> {
    let cells = Cells::new("figures", row);
    let age = cells.opt_number("outbox_age")?;
    Ok(OtherFigures {
        leases_held: cells.number("leases_held")?,
        outbox_age: age.map(|age| Duration::from_micros(u64::try_from(age).unwrap_or(0))),
        deliveries_waiting: cells.number("deliveries_waiting")?,
        dead_letters: cells.number("dead_letters")?,
        events_unnumbered: cells.number("events_unnumbered")?,
    })
}
