//! Sign-ins.

use paceline_store::sign_ins::SignIn;

use crate::{
    Fallible,
    columns::{Cells, Columns},
};

/// A sign-in.
pub fn sign_in<R: Columns>(row: &R) -> Fallible<SignIn> {
    let cells = Cells::new("sign_ins", row);
    Ok(SignIn {
        id: cells.id("id")?,
        workspace: cells.id("workspace_id")?,
        key: cells.id("api_key_id")?,
        kind: cells.word("kind")?,
        hash: cells.array("hash")?,
        created_at: cells.time("created_at")?,
        expires_at: cells.time("expires_at")?,
    })
}
