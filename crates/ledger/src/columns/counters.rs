//! Counters.

use crate::{
    Fallible,
    columns::{Cells, Columns},
};

/// A count by its bucket.
pub fn count<R: Columns>(row: &R) -> Fallible<(String, i64)> {
    let cells = Cells::new("campaign_counts", row);
    Ok((cells.string("bucket")?, cells.number("count")?))
}
