//! Appending: where "every person once" is found out.
//!
//! Only one upload of a campaign is open, and its row is locked while a batch is written: so whoever is not among the campaign's
//! recipients when the batch looks for them is not there when it writes either. The index on persons refuses what would
//! still slip through.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use paceline_domain::{AddressHash, Exclusion};
use paceline_store::recipients::{DuplicateRow, OpenUpload, UploadRow, UploadSummary};

use super::{exclude, lock_open};
use crate::{
    Fallible, Fault,
    rows::{self, ExclusionWrite, RecipientWrite},
    transaction::Tx,
};

/// A batch taken apart.
#[derive(Default)]
struct Parts<'r> {
    /// The first row of each person of the batch.
    recipients: Vec<RecipientWrite<'r>>,
    /// Later rows of persons of the batch.
    repeated: Vec<RecipientWrite<'r>>,
    excluded: Vec<ExclusionWrite>,
}

/// Writes a batch of an upload. Answers which of its rows are duplicates.
pub(super) async fn append_recipients(
    tx: &mut Tx<'_>,
    upload: OpenUpload,
    rows: &[UploadRow],
    ttl: Duration,
) -> Fallible<Vec<DuplicateRow>> {
    let upload = lock_open(tx, upload).await?;
    check_numbers(&upload, rows)?;
    let mut parts = Parts::of(rows);
    let earlier = tx.rows.add_recipients(&upload, &parts.recipients).await?;
    let duplicates = parts.find_duplicates(&earlier);
    parts.exclude(&duplicates);
    let accepted = parts.recipients.iter().filter(|recipient| !earlier.contains_key(&recipient.hash)).count();
    let mut progress = UploadSummary {
        rows: upload.rows + i64::try_from(rows.len()).unwrap_or(0),
        accepted: upload.accepted + i64::try_from(accepted).unwrap_or(0),
        excluded: upload.excluded.clone(),
    };
    for ExclusionWrite { exclusion, .. } in &parts.excluded {
        *progress.excluded.entry(exclusion.reason().to_owned()).or_default() += 1;
    }
    tx.rows.add_exclusions(upload.campaign, upload.workspace, &parts.excluded).await?;
    tx.rows.set_progress(&upload, &progress, ttl).await?;
    Ok(duplicates)
}

/// Rows must continue where the upload stands: a gap or an overlap means that the caller lost count of its batches.
fn check_numbers(upload: &rows::UploadRow, rows: &[UploadRow]) -> Fallible<()> {
    let next = upload.first_row + upload.rows;
    let in_order = rows.iter().zip(next..).all(|(row, expected)| match row {
        UploadRow::Recipient { row, .. } | UploadRow::Excluded { row, .. } => *row == expected,
    });
    if in_order { Ok(()) } else { Err(Fault::conflict("recipients.row_no")) }
}

impl<'r> Parts<'r> {
    fn of(rows: &'r [UploadRow]) -> Self {
        let mut parts = Self::default();
        let mut seen = HashSet::with_capacity(rows.len());
        for row in rows {
            match row {
                UploadRow::Excluded { row, phone, exclusion } => {
                    let (phone, exclusion) = (phone.clone(), exclusion.clone());
                    parts.excluded.push(ExclusionWrite { row: *row, phone, exclusion });
                }
                UploadRow::Recipient { row, address, hash, variables } => {
                    let recipient = RecipientWrite { row: *row, address, hash: *hash, variables };
                    let list = if seen.insert(*hash) { &mut parts.recipients } else { &mut parts.repeated };
                    list.push(recipient);
                }
            }
        }
        parts
    }

    /// The rows whose person stands in an earlier row, of the campaign or else of this batch.
    fn find_duplicates(&self, earlier: &HashMap<AddressHash, i64>) -> Vec<DuplicateRow> {
        let of_campaign = self.recipients.iter().filter_map(|recipient| {
            let of_row = *earlier.get(&recipient.hash)?;
            Some(DuplicateRow { row: recipient.row, of_row })
        });
        let mut duplicates: Vec<_> = of_campaign.collect();
        if !self.repeated.is_empty() {
            let first: HashMap<_, _> =
                self.recipients.iter().map(|recipient| (recipient.hash, recipient.row)).collect();
            duplicates.extend(self.repeated.iter().filter_map(|recipient| {
                let of_row = *earlier.get(&recipient.hash).or_else(|| first.get(&recipient.hash))?;
                Some(DuplicateRow { row: recipient.row, of_row })
            }));
        }
        duplicates.sort_by_key(|duplicate| duplicate.row);
        duplicates
    }

    fn exclude(&mut self, duplicates: &[DuplicateRow]) {
        if duplicates.is_empty() {
            return;
        }
        let of_row: HashMap<i64, i64> = duplicates.iter().map(|duplicate| (duplicate.row, duplicate.of_row)).collect();
        for recipient in self.recipients.iter().chain(&self.repeated) {
            let Some(of_row) = of_row.get(&recipient.row) else { continue };
            let duplicate = Exclusion::Duplicate { of_row: u64::try_from(*of_row).unwrap_or(0) };
            self.excluded.push(exclude(recipient.row, recipient.address, duplicate));
        }
    }
}
