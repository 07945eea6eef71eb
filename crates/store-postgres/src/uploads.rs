//! Uploads and the rows that they bring.
//!
//! An upload's rows have higher numbers than the campaign's committed ones, and nobody reads beyond those: that is what makes an
//! open upload invisible and its commit one small change.

use std::collections::HashMap;

use paceline_store::recipients::{OpenUpload, UploadSummary};

use crate::{bulk::Copy, prelude::*};

const WRITE_RECIPIENTS: &str = "COPY recipients \
    (campaign_id, row_no, workspace_id, hash, phone, business_scoped_id, linked_id, variables) FROM STDIN (FORMAT binary)";

const WRITE_EXCLUSIONS: &str =
    "COPY exclusions (campaign_id, row_no, workspace_id, phone, exclusion) FROM STDIN (FORMAT binary)";

const FIND_OPEN: &str = concat!(
    "SELECT id, expires_at <= ",
    real_now!(),
    " AS has_run_out FROM uploads WHERE campaign_id = $1 AND state = 'open'"
);

const ADD: &str = concat!(
    "INSERT INTO uploads (id, workspace_id, campaign_id, state, first_row, holder, expires_at) \
     VALUES ($1, $2, $3, 'open', $4, $6, ",
    real_now!(),
    " + ",
    micros_of!("$5"),
    ")"
);

const LOCK: &str = concat!(
    "SELECT id, workspace_id, campaign_id, first_row, rows, accepted, excluded, holder, expires_at <= ",
    real_now!(),
    " AS has_run_out FROM uploads WHERE id = $1 AND state = 'open' FOR NO KEY UPDATE"
);

const SET_PROGRESS: &str = concat!(
    "UPDATE uploads SET rows = $2, accepted = $3, excluded = $4, expires_at = ",
    real_now!(),
    " + ",
    micros_of!("$5"),
    " WHERE id = $1"
);

/// The inner limit keeps the two from being joined any other way than person by person, through the index.
const FIND_EARLIER: &str = "SELECT p.hash, r.row_no FROM unnest($2::bytea[]) AS p (hash) CROSS JOIN LATERAL \
    (SELECT row_no FROM recipients WHERE campaign_id = $1 AND hash = p.hash LIMIT 1) AS r";

/// From the end, and with the upload's number of rows: so each step finds its rows without passing over those that are gone.
const REMOVE_ROWS: &str = "WITH accepted AS (DELETE FROM recipients WHERE campaign_id = $2 AND row_no >= $3 AND row_no < $4), \
        excluded AS (DELETE FROM exclusions WHERE campaign_id = $2 AND row_no >= $3 AND row_no < $4) \
     UPDATE uploads SET rows = $5 WHERE id = $1";

#[async_trait]
impl UploadRows for Tx {
    async fn find_open_upload(&mut self, campaign: CampaignId) -> Fallible<Option<OpenUploadRow>> {
        self.find(sqlx::query(FIND_OPEN).bind(uuid(campaign)), columns::open_upload).await
    }

    async fn add_upload(&mut self, upload: &OpenUpload, workspace: WorkspaceId, ttl: Duration) -> Fallible<()> {
        let insert = sqlx::query(ADD)
            .bind(uuid(upload.upload))
            .bind(uuid(workspace))
            .bind(uuid(upload.campaign))
            .bind(upload.first_row)
            .bind(duration_micros(ttl))
            .bind(uuid(upload.holder));
        self.run(insert).await
    }

    async fn lock_upload(&mut self, upload: UploadId) -> Fallible<Option<Locked<UploadRow>>> {
        Ok(self.find(sqlx::query(LOCK).bind(uuid(upload)), columns::upload_row).await?.map(Locked::new))
    }

    /// Nobody else writes rows of the campaign while the upload is locked: so whoever is not among its recipients when they are looked
    /// for is not there when they are written either. The index on persons refuses what would still slip through.
    async fn add_recipients(
        &mut self,
        upload: &Locked<UploadRow>,
        recipients: &[RecipientWrite<'_>],
    ) -> Fallible<HashMap<AddressHash, i64>> {
        if recipients.is_empty() {
            return Ok(HashMap::new());
        }
        let (campaign, workspace) = (uuid(upload.campaign), uuid(upload.workspace));
        let hashes = column(recipients, |recipient| recipient.hash.to_bytes());
        let find = sqlx::query(FIND_EARLIER).bind(campaign).bind(hashes);
        let earlier: HashMap<AddressHash, i64> = self.list(find, columns::earlier_row).await?;
        let mut rows = Copy::new(8);
        for recipient in recipients.iter().filter(|recipient| !earlier.contains_key(&recipient.hash)) {
            let address = recipient.address;
            rows.row().uuid(campaign).number(recipient.row).uuid(workspace).bytes(&recipient.hash.to_bytes());
            rows.opt_text(address.phone.as_ref().map(PhoneNumber::as_e164));
            rows.opt_text(address.business_scoped_id.as_deref()).opt_text(address.linked_id.as_deref());
            rows.text(recipient.variables);
        }
        rows.run(self, WRITE_RECIPIENTS).await?;
        Ok(earlier)
    }

    async fn add_exclusions(
        &mut self,
        campaign: CampaignId,
        workspace: WorkspaceId,
        exclusions: &[ExclusionWrite],
    ) -> Fallible<()> {
        let (campaign, workspace) = (uuid(campaign), uuid(workspace));
        let mut rows = Copy::new(5);
        for ExclusionWrite { row, phone, exclusion } in exclusions {
            rows.row().uuid(campaign).number(*row).uuid(workspace);
            // A phone that was none is kept as it was written, which may be anything.
            rows.opt_text(phone.as_deref().map(storable).as_deref());
            rows.text(&serde_json::json!(exclusion).to_string());
        }
        rows.run(self, WRITE_EXCLUSIONS).await
    }

    async fn set_progress(
        &mut self,
        upload: &Locked<UploadRow>,
        progress: &UploadSummary,
        ttl: Duration,
    ) -> Fallible<()> {
        let update = sqlx::query(SET_PROGRESS)
            .bind(uuid(upload.id))
            .bind(progress.rows)
            .bind(progress.accepted)
            .bind(serde_json::json!(progress.excluded).to_string())
            .bind(duration_micros(ttl));
        self.run(update).await
    }

    async fn commit_upload(&mut self, upload: &Locked<UploadRow>) -> Fallible<()> {
        self.run(sqlx::query("UPDATE uploads SET state = 'committed' WHERE id = $1").bind(uuid(upload.id))).await
    }

    async fn end_upload(&mut self, upload: &Locked<UploadRow>) -> Fallible<()> {
        self.run(sqlx::query("UPDATE uploads SET expires_at = 'epoch' WHERE id = $1").bind(uuid(upload.id))).await
    }

    async fn end_uploads(&mut self) -> Fallible<u64> {
        self.execute(sqlx::query("UPDATE uploads SET expires_at = 'epoch' WHERE state = 'open'")).await
    }

    async fn remove_rows(&mut self, upload: &Locked<UploadRow>, keep: i64) -> Fallible<()> {
        let remove = sqlx::query(REMOVE_ROWS)
            .bind(uuid(upload.id))
            .bind(uuid(upload.campaign))
            .bind(upload.first_row + keep)
            .bind(upload.first_row + upload.rows)
            .bind(keep);
        self.run(remove).await
    }

    async fn remove_upload(&mut self, upload: &Locked<UploadRow>) -> Fallible<()> {
        self.run(sqlx::query("DELETE FROM uploads WHERE id = $1").bind(uuid(upload.id))).await
    }
}

/// The texts.
pub(crate) const TEXTS: UploadTexts = UploadTexts {
    list_recipients: "SELECT r.row_no, r.phone, r.business_scoped_id, r.linked_id, r.hash, r.variables \
             FROM campaigns c JOIN recipients r ON r.campaign_id = c.id \
             WHERE c.id = $1 AND c.workspace_id = $2 AND r.row_no > $3 AND r.row_no <= c.rows ORDER BY r.row_no LIMIT $4",
    list_stale: concat!(
        "SELECT id FROM uploads WHERE state = 'open' AND expires_at <= ",
        statement_now!(),
        " ORDER BY expires_at LIMIT $1"
    ),
};
