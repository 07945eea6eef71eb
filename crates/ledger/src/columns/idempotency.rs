//! Idempotency keys.

use paceline_store::idempotency::RecordedResponse;

use crate::{
    Fallible,
    columns::{Cells, Columns},
};

/// The response that a key stands for.
pub fn response<R: Columns>(row: &R) -> Fallible<RecordedResponse> {
    let cells = Cells::new("idempotency_keys", row);
    Ok(RecordedResponse {
        request_hash: cells.array("request_hash")?,
        status: cells.small("status")?,
        content_type: cells.string("content_type")?,
        body: cells.bytes("body")?.to_vec(),
    })
}
