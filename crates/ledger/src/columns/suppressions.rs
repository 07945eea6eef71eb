//! Suppressions.

use paceline_domain::Address;
use paceline_store::suppressions::Suppression;

use crate::{
    Fallible,
    columns::{Cells, Columns},
};

/// Selects suppressions and what else is said; the table is named `s`.
#[macro_export]
macro_rules! select_suppression {
    ($($rest:expr),+ $(,)?) => {
        concat!(
            "SELECT ",
        "s.id, s.workspace_id, s.hash, s.phone, s.business_scoped_id, s.linked_id, s.scope, s.reason, s.since",
            $($rest),+
        )
    };
}

/// A suppression. One whose columns name nobody has no address.
pub fn suppression<R: Columns>(row: &R) -> Fallible<Suppression> {
    let cells = Cells::new("suppressions", row);
    let address = cells.address()?;
    let nobody = Address { phone: None, business_scoped_id: None, linked_id: None };
    Ok(Suppression {
        id: cells.id("id")?,
        workspace: cells.id("workspace_id")?,
        hash: cells.hash("hash")?,
        address: Some(address).filter(|address| *address != nobody),
        scope: cells.word("scope")?,
        reason: cells.word("reason")?,
        since: cells.time("since")?,
    })
}
