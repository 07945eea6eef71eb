//! The third stage: from batches to the store, which finds the duplicates.

use std::time::Duration;

use paceline_domain::Exclusion;
use paceline_store::{
    Store,
    recipients::{DuplicateRow, OpenUpload},
};
use tokio::sync::mpsc::Receiver;

use super::{RowError, SHOWN_ERRORS, rows::Batch, upload::TTL};
use crate::{campaigns::view::detail, problem::Problem};

/// How long to wait for rows before the upload is kept open without any: a slow client must not lose it.
const QUIET: Duration = Duration::from_secs(20);

/// Appends the batches and answers the first row errors, by row.
pub(super) async fn append(
    store: &dyn Store,
    upload: OpenUpload,
    mut batches: Receiver<Batch>,
) -> Result<Vec<RowError>, Problem> {
    let mut errors: Vec<RowError> = Vec::new();
    loop {
        let Ok(batch) = tokio::time::timeout(QUIET, batches.recv()).await else {
            store.append_recipients(upload, Vec::new(), TTL).await?;
            continue;
        };
        let Some(mut batch) = batch else { return Ok(errors) };
        let duplicates = store.append_recipients(upload, std::mem::take(&mut batch.rows), TTL).await?;
        if errors.len() < SHOWN_ERRORS {
            let mut found = std::mem::take(&mut batch.errors);
            found.extend(duplicates.iter().take(SHOWN_ERRORS).map(|duplicate| duplicate_error(&batch, *duplicate)));
            found.sort_by_key(|error| error.row);
            errors.append(&mut found);
            errors.truncate(SHOWN_ERRORS);
        }
    }
}

fn duplicate_error(batch: &Batch, duplicate: DuplicateRow) -> RowError {
    let place = usize::try_from(duplicate.row - batch.first_row).ok();
    let exclusion = Exclusion::Duplicate { of_row: u64::try_from(duplicate.of_row).unwrap_or(0) };
    RowError {
        row: duplicate.row,
        line: place.and_then(|place| batch.lines.get(place).copied()).unwrap_or(0),
        reason: exclusion.reason(),
        detail: detail(&exclusion),
    }
}
