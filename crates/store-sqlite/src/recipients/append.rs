//! Appending: where "every person once" is found out.

use super::{
    BTreeMap, CampaignId, Cells, DuplicateRow, Duration, Exclusion, Fallible, HashMap, OpenUpload, Progress, Tx,
    UploadRow, blob, conflict, duration_micros, json_blobs, json_numbers, real_now,
};
use crate::bulk::Bulk;
use paceline_domain::{AddressHash, PhoneNumber};
use paceline_store::recipients::RecipientRow;

const WRITE_RECIPIENTS: Bulk = Bulk {
    head: "INSERT INTO recipients \
           (campaign_id, row_no, workspace_id, hash, phone, business_scoped_id, linked_id, variables) VALUES",
    row: "(?1, ?, ?2, ?, ?, ?, ?, ?)",
    tail: "ON CONFLICT (campaign_id, hash) DO NOTHING",
};

const WRITE_EXCLUSIONS: Bulk = Bulk {
    head: "INSERT INTO exclusions (campaign_id, row_no, workspace_id, phone, exclusion) VALUES",
    row: "(?1, ?, ?2, ?, ?)",
    tail: "",
};

/// An excluded row to write.
pub(crate) struct NewExclusion {
    /// Its number.
    pub(crate) row: i64,
    /// The phone as written or as read.
    pub(crate) phone: Option<String>,
    /// Why.
    pub(crate) exclusion: Exclusion,
}

/// A batch taken apart.
#[derive(Default)]
struct Parts {
    /// The first row of each person of the batch.
    recipients: Vec<RecipientRow>,
    /// Later rows of persons of the batch.
    repeated: Vec<RecipientRow>,
    excluded: Vec<NewExclusion>,
}

impl Parts {
    fn of(rows: Vec<UploadRow>) -> Self {
        let mut parts = Self::default();
        let mut seen = std::collections::HashSet::with_capacity(rows.len());
        for row in rows {
            match row {
                UploadRow::Excluded { row, phone, exclusion } => {
                    parts.excluded.push(NewExclusion { row, phone, exclusion });
                }
                UploadRow::Recipient { row, address, hash, variables } => {
                    let recipient = RecipientRow { row, address, hash, variables };
                    let list = if seen.insert(hash) { &mut parts.recipients } else { &mut parts.repeated };
                    list.push(recipient);
                }
            }
        }
        parts
    }
}

impl Tx {
    pub(super) async fn append_recipients(
        &mut self,
        upload: OpenUpload,
        rows: Vec<UploadRow>,
        ttl: Duration,
    ) -> Fallible<Vec<DuplicateRow>> {
        let mut progress = self.upload_progress(upload).await?;
        check_numbers(&progress, &rows)?;
        progress.rows += i64::try_from(rows.len()).unwrap_or(0);
        let mut parts = Parts::of(rows);
        let earlier = self.write_recipients(upload.campaign, &progress, &parts.recipients).await?;
        let duplicates = find_duplicates(&parts, &earlier);
        progress.accepted += i64::try_from(parts.recipients.len() - earlier.len()).unwrap_or(0);
        parts.exclude(&duplicates);
        for NewExclusion { exclusion, .. } in &parts.excluded {
            *progress.excluded.entry(exclusion.reason().to_owned()).or_default() += 1;
        }
        self.write_exclusions(upload.campaign, &progress, &parts.excluded).await?;
        self.write_progress(upload, &progress, ttl).await?;
        Ok(duplicates)
    }

    /// Writes the recipients that are new to the campaign. Answers the earlier rows of the others.
    async fn write_recipients(
        &mut self,
        campaign: CampaignId,
        progress: &Progress,
        recipients: &[RecipientRow],
    ) -> Fallible<HashMap<AddressHash, i64>> {
        let workspace = progress.workspace;
        let done = WRITE_RECIPIENTS
            .run(
                self,
                recipients,
                |values| {
                    values.add(blob(campaign)).add(blob(workspace));
                },
                |values, recipient| {
                    let address = &recipient.address;
                    values.add(recipient.row).add(recipient.hash.to_bytes().to_vec());
                    values.add(address.phone.as_ref().map(PhoneNumber::as_e164));
                    values.add(address.business_scoped_id.as_deref()).add(address.linked_id.as_deref());
                    values.add(recipient.variables.as_str());
                },
            )
            .await?;
        if usize::try_from(done.written) == Ok(recipients.len()) {
            return Ok(HashMap::new());
        }
        self.find_earlier_rows(campaign, recipients).await
    }

    async fn find_earlier_rows(
        &mut self,
        campaign: CampaignId,
        recipients: &[RecipientRow],
    ) -> Fallible<HashMap<AddressHash, i64>> {
        let missing = sqlx::query(
            "SELECT j.value AS row_no FROM json_each(?2) j WHERE NOT EXISTS \
                (SELECT 1 FROM recipients r WHERE r.campaign_id = ?1 AND r.row_no = j.value)",
        );
        let numbers = json_numbers(recipients.iter().map(|recipient| recipient.row));
        let rows = self.all(missing.bind(blob(campaign)).bind(numbers)).await?;
        let missing = rows.iter().map(|row| Cells::new("recipients", row).number("row_no"));
        let missing = missing.collect::<Fallible<std::collections::HashSet<i64>>>()?;
        let hashes = recipients.iter().filter(|recipient| missing.contains(&recipient.row));
        let earlier = sqlx::query(
            "SELECT r.hash, r.row_no FROM json_each(?2) j CROSS JOIN recipients r \
             WHERE r.campaign_id = ?1 AND r.hash = unhex(j.value)",
        );
        let hashes = json_blobs(hashes.map(|recipient| recipient.hash.to_bytes()));
        let rows = self.all(earlier.bind(blob(campaign)).bind(hashes)).await?;
        let entry = |row| {
            let cells = Cells::new("recipients", row);
            Ok((cells.hash("hash")?, cells.number("row_no")?))
        };
        rows.iter().map(entry).collect()
    }

    async fn write_exclusions(
        &mut self,
        campaign: CampaignId,
        progress: &Progress,
        excluded: &[NewExclusion],
    ) -> Fallible<()> {
        self.write_excluded_rows(campaign, progress.workspace, excluded).await
    }

    /// Writes excluded rows. Counting them is the caller's: those of an upload count when it is committed.
    pub(crate) async fn write_excluded_rows(
        &mut self,
        campaign: CampaignId,
        workspace: paceline_domain::WorkspaceId,
        excluded: &[NewExclusion],
    ) -> Fallible<()> {
        WRITE_EXCLUSIONS
            .run(
                self,
                excluded,
                |values| {
                    values.add(blob(campaign)).add(blob(workspace));
                },
                |values, excluded| {
                    values.add(excluded.row).add(excluded.phone.as_deref());
                    values.add(serde_json::json!(excluded.exclusion).to_string());
                },
            )
            .await?;
        Ok(())
    }

    async fn write_progress(&mut self, upload: OpenUpload, progress: &Progress, ttl: Duration) -> Fallible<()> {
        let update = sqlx::query(concat!(
            "UPDATE uploads SET rows = ?2, accepted = ?3, excluded = ?4, expires_at = ",
            real_now!(),
            " + ?5 WHERE id = ?1"
        ));
        let update = update
            .bind(blob(upload.upload))
            .bind(progress.rows)
            .bind(progress.accepted)
            .bind(serde_json::json!(progress.excluded).to_string())
            .bind(duration_micros(ttl));
        self.execute(update).await?;
        Ok(())
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
        let first: BTreeMap<_, _> = parts.recipients.iter().map(|recipient| (recipient.hash, recipient.row)).collect();
        duplicates.extend(parts.repeated.iter().filter_map(|recipient| {
            let of_row = *earlier.get(&recipient.hash).or_else(|| first.get(&recipient.hash))?;
            Some(DuplicateRow { row: recipient.row, of_row })
        }));
    }
    duplicates.sort_by_key(|duplicate| duplicate.row);
    duplicates
}

impl Parts {
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
