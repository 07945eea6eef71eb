//! Uploads and the rows that they bring.
//!
//! An upload's rows have higher numbers than the campaign's committed ones, and nobody reads beyond those: that is what makes an
//! open upload invisible and its commit one small change.

use std::collections::{HashMap, HashSet};

use paceline_store::recipients::{OpenUpload, UploadSummary};

use crate::prelude::*;

const ADD_RECIPIENTS: Bulk = Bulk {
    head: "INSERT INTO recipients \
           (campaign_id, row_no, workspace_id, hash, phone, business_scoped_id, linked_id, variables) VALUES",
    row: "(?1, ?, ?2, ?, ?, ?, ?, ?)",
    tail: "ON CONFLICT (campaign_id, hash) DO NOTHING",
};

const ADD_EXCLUSIONS: Bulk = Bulk {
    head: "INSERT INTO exclusions (campaign_id, row_no, workspace_id, phone, exclusion) VALUES",
    row: "(?1, ?, ?2, ?, ?)",
    tail: "",
};

impl Tx {
    /// The rows of those persons of a batch who were among the campaign's before it.
    async fn find_earlier_rows(
        &mut self,
        campaign: CampaignId,
        recipients: &[RecipientWrite<'_>],
    ) -> Fallible<HashMap<AddressHash, i64>> {
        let missing = sqlx::query(
            "SELECT j.value AS row_no FROM json_each(?2) j WHERE NOT EXISTS \
                (SELECT 1 FROM recipients r WHERE r.campaign_id = ?1 AND r.row_no = j.value)",
        );
        let numbers = json_numbers(recipients.iter().map(|recipient| recipient.row));
        let missing = missing.bind(blob(campaign)).bind(numbers);
        let missing: HashSet<i64> = self.list(missing, columns::number("recipients", "row_no")).await?;
        let hashes = recipients.iter().filter(|recipient| missing.contains(&recipient.row));
        let earlier = sqlx::query(
            "SELECT r.hash, r.row_no FROM json_each(?2) j CROSS JOIN recipients r \
             WHERE r.campaign_id = ?1 AND r.hash = unhex(j.value)",
        );
        let hashes = json_blobs(hashes.map(|recipient| recipient.hash.to_bytes()));
        self.list(earlier.bind(blob(campaign)).bind(hashes), columns::earlier_row).await
    }
}

#[async_trait]
impl UploadRows for Tx {
    async fn find_open_upload(&mut self, campaign: CampaignId) -> Fallible<Option<OpenUploadRow>> {
        let query = sqlx::query(concat!(
            "SELECT id, expires_at <= ",
            real_now!(),
            " AS has_run_out FROM uploads WHERE campaign_id = ?1 AND state = 'open'"
        ));
        self.find(query.bind(blob(campaign)), columns::open_upload).await
    }

    async fn add_upload(&mut self, upload: &OpenUpload, workspace: WorkspaceId, ttl: Duration) -> Fallible<()> {
        let insert = sqlx::query(concat!(
            "INSERT INTO uploads (id, workspace_id, campaign_id, state, first_row, holder, expires_at) \
             VALUES (?1, ?2, ?3, 'open', ?4, ?6, ",
            real_now!(),
            " + ?5)"
        ));
        let insert = insert.bind(blob(upload.upload)).bind(blob(workspace)).bind(blob(upload.campaign));
        self.run(insert.bind(upload.first_row).bind(duration_micros(ttl)).bind(blob(upload.holder))).await
    }

    async fn lock_upload(&mut self, upload: UploadId) -> Fallible<Option<Locked<UploadRow>>> {
        let query = sqlx::query(concat!(
            "SELECT id, workspace_id, campaign_id, first_row, rows, accepted, excluded, holder, expires_at <= ",
            real_now!(),
            " AS has_run_out FROM uploads WHERE id = ?1 AND state = 'open'"
        ));
        Ok(self.find(query.bind(blob(upload)), columns::upload_row).await?.map(Locked::new))
    }

    async fn add_recipients(
        &mut self,
        upload: &Locked<UploadRow>,
        recipients: &[RecipientWrite<'_>],
    ) -> Fallible<HashMap<AddressHash, i64>> {
        let done = ADD_RECIPIENTS
            .run(
                self,
                recipients,
                |values| {
                    values.add(blob(upload.campaign)).add(blob(upload.workspace));
                },
                |values, recipient| {
                    let address = recipient.address;
                    values.add(recipient.row).add(recipient.hash.to_bytes().to_vec());
                    values.add(address.phone.as_ref().map(PhoneNumber::as_e164));
                    values.add(address.business_scoped_id.as_deref()).add(address.linked_id.as_deref());
                    values.add(recipient.variables);
                },
            )
            .await?;
        if usize::try_from(done.written) == Ok(recipients.len()) {
            return Ok(HashMap::new());
        }
        self.find_earlier_rows(upload.campaign, recipients).await
    }

    async fn add_exclusions(
        &mut self,
        campaign: CampaignId,
        workspace: WorkspaceId,
        exclusions: &[ExclusionWrite],
    ) -> Fallible<()> {
        ADD_EXCLUSIONS
            .run(
                self,
                exclusions,
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

    async fn set_progress(
        &mut self,
        upload: &Locked<UploadRow>,
        progress: &UploadSummary,
        ttl: Duration,
    ) -> Fallible<()> {
        let update = sqlx::query(concat!(
            "UPDATE uploads SET rows = ?2, accepted = ?3, excluded = ?4, expires_at = ",
            real_now!(),
            " + ?5 WHERE id = ?1"
        ));
        let update = update
            .bind(blob(upload.id))
            .bind(progress.rows)
            .bind(progress.accepted)
            .bind(serde_json::json!(progress.excluded).to_string())
            .bind(duration_micros(ttl));
        self.run(update).await
    }

    async fn commit_upload(&mut self, upload: &Locked<UploadRow>) -> Fallible<()> {
        let commit = sqlx::query("UPDATE uploads SET state = 'committed' WHERE id = ?1");
        self.run(commit.bind(blob(upload.id))).await
    }

    async fn end_upload(&mut self, upload: &Locked<UploadRow>) -> Fallible<()> {
        self.run(sqlx::query("UPDATE uploads SET expires_at = 0 WHERE id = ?1").bind(blob(upload.id))).await
    }

    async fn end_uploads(&mut self) -> Fallible<u64> {
        self.execute(sqlx::query("UPDATE uploads SET expires_at = 0 WHERE state = 'open'")).await
    }

    async fn remove_rows(&mut self, upload: &Locked<UploadRow>, keep: i64) -> Fallible<()> {
        for statement in [
            "DELETE FROM recipients WHERE campaign_id = ?1 AND row_no >= ?2",
            "DELETE FROM exclusions WHERE campaign_id = ?1 AND row_no >= ?2",
        ] {
            let remove = sqlx::query(statement).bind(blob(upload.campaign)).bind(upload.first_row + keep);
            self.execute(remove).await?;
        }
        self.run(sqlx::query("UPDATE uploads SET rows = ?2 WHERE id = ?1").bind(blob(upload.id)).bind(keep)).await
    }

    async fn remove_upload(&mut self, upload: &Locked<UploadRow>) -> Fallible<()> {
        self.run(sqlx::query("DELETE FROM uploads WHERE id = ?1").bind(blob(upload.id))).await
    }
}

/// The texts.
pub(crate) const TEXTS: UploadTexts = UploadTexts {
    list_recipients: "SELECT r.row_no, r.phone, r.business_scoped_id, r.linked_id, r.hash, r.variables \
             FROM campaigns c JOIN recipients r ON r.campaign_id = c.id \
             WHERE c.id = ?1 AND c.workspace_id = ?2 AND r.row_no > ?3 AND r.row_no <= c.rows ORDER BY r.row_no LIMIT ?4",
    list_stale: concat!(
        "SELECT id FROM uploads WHERE state = 'open' AND expires_at <= ",
        real_now!(),
        " ORDER BY expires_at LIMIT ?1"
    ),
};
