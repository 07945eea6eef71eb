//! Workspaces and their API keys.

use paceline_store::workspaces::{ApiKey, Workspace};

use crate::{
    Fallible,
    columns::{Cells, Columns},
};

/// A workspace.
pub fn workspace<R: Columns>(row: &R) -> Fallible<Workspace> {
    let cells = Cells::new("workspaces", row);
    Ok(Workspace {
        id: cells.id("id")?,
        name: cells.string("name")?,
        key: cells.workspace_key()?,
        unknown_policy: cells.word("unknown_policy")?,
        created_at: cells.time("created_at")?,
    })
}

/// An API key.
pub fn api_key<R: Columns>(row: &R) -> Fallible<ApiKey> {
    let cells = Cells::new("api_keys", row);
    Ok(ApiKey {
        id: cells.id("id")?,
        workspace: cells.id("workspace_id")?,
        name: cells.string("name")?,
        hash: cells.array("hash")?,
        created_at: cells.time("created_at")?,
    })
}
