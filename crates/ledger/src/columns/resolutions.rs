//! Decisions about messages of unknown outcome.

use paceline_domain::{MessageId, Resolution, UnknownPolicy};
use paceline_store::resolutions::Resolved;

use crate::{
    Fallible,
    columns::{Cells, Columns},
};

/// What was decided.
pub fn resolution<R: Columns>(row: &R) -> Fallible<Resolution> {
    Cells::new("resolutions", row).word("resolution")
}

/// A message about which its workspace's policy is to decide.
pub fn settleable<R: Columns>(row: &R) -> Fallible<(MessageId, UnknownPolicy)> {
    Ok((Cells::new("messages", row).id("id")?, Cells::new("workspaces", row).word("unknown_policy")?))
}

/// A decision as others see it.
pub fn resolved<R: Columns>(row: &R) -> Fallible<Resolved> {
    let cells = Cells::new("resolutions", row);
    Ok(Resolved {
        attempt: cells.small("number")?,
        resolution: cells.word("resolution")?,
        by: cells.word("resolved_by")?,
        at: cells.time("at")?,
    })
}
