//! Worker processes.

use paceline_domain::WorkerId;
use paceline_store::fleet::{WorkerReport, WorkerView};

use crate::{
    Fallible,
    columns::{Cells, Columns},
};

/// A worker process.
pub fn worker<R: Columns>(row: &R) -> Fallible<WorkerView> {
    let cells = Cells::new("workers", row);
    let report = WorkerReport {
        id: cells.id("id")?,
        host: cells.string("host")?,
        pid: cells.small("pid")?,
        version: cells.string("version")?,
        pinned: cells.opt_id("pinned_sender_id")?,
        slots: cells.small("slots")?,
        channels: cells.json("channels")?,
        listen: cells.opt_string("listen")?,
        resident_bytes: cells.small("resident_bytes")?,
        draining: cells.flag("draining")?,
    };
    Ok(WorkerView { report, started_at: cells.time("started_at")?, seen_at: cells.time("seen_at")? })
}

/// How many leases a worker holds.
pub fn leases_held<R: Columns>(row: &R) -> Fallible<(WorkerId, u32)> {
    let cells = Cells::new("senders", row);
    Ok((cells.id("lease_worker")?, cells.small("leases")?))
}

/// How many senders there are.
pub fn sender_count<R: Columns>(row: &R) -> Fallible<u32> {
    Cells::new("senders", row).small("senders")
}
