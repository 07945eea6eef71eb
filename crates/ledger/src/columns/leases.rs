//! Leases and sealed sessions.

use paceline_domain::Epoch;
use paceline_store::leases::{Lease, SealedSession};

use crate::{
    Fallible,
    columns::{Cells, Columns, sender},
};

/// A lease: the sender, and beside its columns the key of its workspace.
pub fn lease<R: Columns>(row: &R) -> Fallible<Lease> {
    let cells = Cells::new("senders", row);
    Ok(Lease { sender: sender(row)?, key: cells.workspace_key()?, epoch: Epoch(cells.number("lease_epoch")?) })
}

/// A sealed session.
pub fn session<R: Columns>(row: &R) -> Fallible<SealedSession> {
    let cells = Cells::new("sender_sessions", row);
    Ok(SealedSession { blob: cells.bytes("blob")?.to_vec(), key_id: cells.string("key_id")? })
}
