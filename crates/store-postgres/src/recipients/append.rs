//! Appending: where "every person once" is found out.
//!
//! Only one upload of a campaign is open, and its row is locked while a batch is written: so whoever is not among the campaign's
//! recipients when the batch looks for them is not there when it writes either. The index on persons refuses what would
//! still slip through.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use paceline_domain::{Address, AddressHash, CampaignId, Exclusion, PhoneNumber, WorkspaceId};
use paceline_store::recipients::{DuplicateRow, OpenUpload, UploadRow};

use super::Progress;
use crate::{
    bulk::{Copy, column},
    cells::Cells,
    error::{Fallible, conflict},
    transaction::Tx,
    values::{duration_micros, micros_of, real_now, storable, uuid},
};

const WRITE_RECIPIENTS: &str = "COPY recipients \
    (campaign_id, row_no, workspace_id, hash, phone, business_scoped_id, linked_id, variables) FROM STDIN (FORMAT binary)";

const WRITE_EXCLUSIONS: &str =
    "COPY exclusions (campaign_id, row_no, workspace_id, phone, exclusion) FROM STDIN (FORMAT binary)";

/// An excluded row to write.
pub(crate) struct NewExclusion {
    /// Its number.
    pub(crate) row: i64,
    /// The phone as written or as read.
    pub(crate) phone: Option<String>,
    /// Why.
    pub(crate) exclusion: Exclusion,
}

/// A row that can be read.
#[derive(Clone, Copy)]
struct Recipient<'r> {
    row: i64,
    address: &'r Address,
    hash: AddressHash,
    variables: &'r str,
}

/// A batch taken apart.
#[derive(Default)]
struct Parts<'r> {
    /// The first row of each person of the batch.
    recipients: Vec<Recipient<'r>>,
    /// Later rows of persons of the batch.
    repeated: Vec<Recipient<'r>>,
    excluded: Vec<NewExclusion>,
}

impl<'r> Parts<'r> {
    fn of(rows: &'r [UploadRow]) -> Self {
        let mut parts = Self::default();
        let mut seen = HashSet::with_capacity(rows.len());
        for row in rows {
            match row {
                UploadRow::Excluded { row, phone, exclusion } => {
                    let (phone, exclusion) = (phone.clone(), exclusion.clone());
                    parts.excluded.push(NewExclusion { row: *row, phone, exclusion });
                }
                UploadRow::Recipient { row, address, hash, variables } => {
                    let recipient = Recipient { row: *row, address, hash: *hash, variables };
                    let list = if seen.insert(*hash) { &mut parts.recipients } else { &mut parts.repeated };
                    list.push(recipient);
                }
            }
        }
        parts
    }

    fn exclude(&mut self, duplicates: &[DuplicateRow]) {
        if duplicates.is_empty() {
            return;
        }
        let of_row: HashMap<i64, i64> = duplicates.iter().map(|duplicate| (duplicate.row, duplicate.of_row)).collect();
        for recipient in self.recipients.iter().chain(&self.repeated) {
            let Some(of_row) = of_row.get(&recipient.row) else { continue };
            self.excluded.push(NewExclusion {
                row: recipient.row,
                phone: recipient.address.phone.as_ref().map(|phone| phone.as_e164().to_owned()),
                exclusion: Exclusion::Duplicate { of_row: u64::try_from(*of_row).unwrap_or(0) },
            });
        }
    }
}

impl Tx {
    pub(super) async fn append_recipients(
        &mut self,
        upload: OpenUpload,
        rows: &[UploadRow],
        ttl: Duration,
    ) -> Fallible<Vec<DuplicateRow>> {
        let mut progress = self.upload_progress(upload).await?;
        check_numbers(&progress, rows)?;
        progress.rows += i64::try_from(rows.len()).unwrap_or(0);
        let mut parts = Parts::of(rows);
        let earlier = self.find_earlier_rows(upload.campaign, &parts.recipients).await?;
        let new = parts.recipients.iter().filter(|recipient| !earlier.contains_key(&recipient.hash));
        progress.accepted += self.write_recipients(upload.campaign, progress.workspace, new).await?;
        let duplicates = find_duplicates(&parts, &earlier);
        parts.exclude(&duplicates);
        for NewExclusion { exclusion, .. } in &parts.excluded {
            *progress.excluded.entry(exclusion.reason().to_owned()).or_default() += 1;
        }
        self.write_excluded_rows(upload.campaign, progress.workspace, &parts.excluded).await?;
        self.write_progress(upload, &progress, ttl).await?;
        Ok(duplicates)
    }

    /// The rows of the campaign in which persons of the batch stand already.
    async fn find_earlier_rows(
        &mut self,
        campaign: CampaignId,
        recipients: &[Recipient<'_>],
    ) -> Fallible<HashMap<AddressHash, i64>> {
        if recipients.is_empty() {
            return Ok(HashMap::new());
        }
        // The inner limit keeps the two from being joined any other way than person by person, through the index.
        let query = sqlx::query(
            "SELECT p.hash, r.row_no FROM unnest($2::bytea[]) AS p (hash) CROSS JOIN LATERAL \
                (SELECT row_no FROM recipients WHERE campaign_id = $1 AND hash = p.hash LIMIT 1) AS r",
        );
        let query = query.bind(uuid(campaign)).bind(column(recipients, |recipient| recipient.hash.to_bytes()));
        let entry = |row| {
            let cells = Cells::new("recipients", row);
            Ok((cells.hash("hash")?, cells.number("row_no")?))
        };
        self.all(query).await?.iter().map(entry).collect()
    }

    /// Writes recipients that are new to the campaign. Answers how many.
    async fn write_recipients<'r>(
        &mut self,
        campaign: CampaignId,
        workspace: WorkspaceId,
        recipients: impl Iterator<Item = &'r Recipient<'r>> + Send,
    ) -> Fallible<i64> {
        let (campaign, workspace) = (uuid(campaign), uuid(workspace));
        let mut rows = Copy::new(8);
        for recipient in recipients {
            let address = recipient.address;
            rows.row().uuid(campaign).number(recipient.row).uuid(workspace).bytes(&recipient.hash.to_bytes());
            rows.opt_text(address.phone.as_ref().map(PhoneNumber::as_e164));
            rows.opt_text(address.business_scoped_id.as_deref()).opt_text(address.linked_id.as_deref());
            rows.text(recipient.variables);
        }
        let written = rows.run(self, WRITE_RECIPIENTS).await?;
        Ok(i64::try_from(written).unwrap_or(0))
    }

    /// Writes excluded rows. Counting them is the caller's: those of an upload count when it is committed.
    pub(crate) async fn write_excluded_rows(
        &mut self,
        campaign: CampaignId,
        workspace: WorkspaceId,
        excluded: &[NewExclusion],
    ) -> Fallible<()> {
        let (campaign, workspace) = (uuid(campaign), uuid(workspace));
        let mut rows = Copy::new(5);
        for NewExclusion { row, phone, exclusion } in excluded {
            rows.row().uuid(campaign).number(*row).uuid(workspace);
            // A phone that was none is kept as it was written, which may be anything.
            rows.opt_text(phone.as_deref().map(storable).as_deref());
            rows.text(&serde_json::json!(exclusion).to_string());
        }
        rows.run(self, WRITE_EXCLUSIONS).await.map(|_| ())
    }

    async fn write_progress(&mut self, upload: OpenUpload, progress: &Progress, ttl: Duration) -> Fallible<()> {
        let update = sqlx::query(concat!(
            "UPDATE uploads SET rows = $2, accepted = $3, excluded = $4, expires_at = ",
            real_now!(),
            " + ",
            micros_of!("$5"),
            " WHERE id = $1"
        ));
        let update = update
            .bind(uuid(upload.upload))
            .bind(progress.rows)
            .bind(progress.accepted)
            .bind(serde_json::json!(progress.excluded).to_string())
            .bind(duration_micros(ttl));
        self.execute(update).await.map(|_| ())
    }
}

/// Rows must continue where the upload stands: a gap or an overlap means that the caller lost count of its batches.
fn check_numbers(progress: &Progress, rows: &[UploadRow]) -> Fallible<()> {
    let next = progress.first_row + progress.rows;
    let in_order = rows.iter().zip(next..).all(|(row, expected)| match row {
        UploadRow::Recipient { row, .. } | UploadRow::Excluded { row, .. } => *row == expected,
    });
    if in_order { Ok(()) } else { Err(conflict("recipients.row_no")) }
}

fn find_duplicates(parts: &Parts, earlier: &HashMap<AddressHash, i64>) -> Vec<DuplicateRow> {
    let of_campaign = parts.recipients.iter().filter_map(|recipient| {
        let of_row = *earlier.get(&recipient.hash)?;
        Some(DuplicateRow { row: recipient.row, of_row })
    });
    let mut duplicates: Vec<_> = of_campaign.collect();
    if !parts.repeated.is_empty() {
        let first: HashMap<_, _> = parts.recipients.iter().map(|recipient| (recipient.hash, recipient.row)).collect();
        duplicates.extend(parts.repeated.iter().filter_map(|recipient| {
            let of_row = *earlier.get(&recipient.hash).or_else(|| first.get(&recipient.hash))?;
            Some(DuplicateRow { row: recipient.row, of_row })
        }));
    }
    duplicates.sort_by_key(|duplicate| duplicate.row);
    duplicates
}
