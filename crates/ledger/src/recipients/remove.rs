//! Removing the rows of an upload that was given up.

use paceline_domain::UploadId;
use paceline_store::StoreResult;

use crate::{Database, Fallible, Ledger, transaction::Tx};

/// How many rows one transaction removes.
const REMOVE_AT_ONCE: i64 = 10_000;

/// Removes an open upload whose time to live has passed, and its rows, in as many transactions as it takes.
pub(crate) async fn remove_stale_upload<D: Database>(ledger: &Ledger<D>, upload: UploadId) -> StoreResult<()> {
    while ledger.write(move |tx| Box::pin(remove_some_rows(tx, upload))).await? {}
    Ok(())
}

/// Removes the last rows of a stale upload, and the upload itself once it has none. Answers whether there is more to
/// remove. From the end, and with its number of rows: so each step finds its rows without passing over those that are gone.
async fn remove_some_rows(tx: &mut Tx<'_>, upload: UploadId) -> Fallible<bool> {
    let locked = tx.rows.lock_upload(upload).await?;
    let Some(upload) = locked.filter(|upload| upload.has_run_out) else { return Ok(false) };
    if upload.rows == 0 {
        tx.rows.remove_upload(&upload).await?;
        return Ok(false);
    }
    tx.rows.remove_rows(&upload, (upload.rows - REMOVE_AT_ONCE).max(0)).await?;
    Ok(true)
}
