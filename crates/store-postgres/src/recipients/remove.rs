//! Removing the rows of an upload that was given up.

use paceline_domain::UploadId;
use paceline_store::{StoreResult, recipients::OpenUpload};

use crate::{
    cells::Cells,
    error::Fallible,
    open::PostgresStore,
    transaction::Tx,
    values::{real_now, uuid},
};

/// How many rows one transaction removes.
const REMOVE_AT_ONCE: i64 = 10_000;

impl PostgresStore {
    /// Removes an open upload whose ttl has passed, and its rows, in as many transactions as it takes.
    pub(crate) async fn remove_stale_upload(&self, upload: UploadId) -> StoreResult<()> {
        while self.write(move |tx| Box::pin(tx.remove_some_rows(upload))).await? {}
        Ok(())
    }
}

impl Tx {
    /// Ends an open upload before its ttl has passed.
    pub(super) async fn expire_upload(&mut self, upload: OpenUpload) -> Fallible<()> {
        let expire = sqlx::query(
            "UPDATE uploads SET expires_at = 'epoch' WHERE id = $1 AND campaign_id = $2 AND state = 'open'",
        );
        self.execute(expire.bind(uuid(upload.upload)).bind(uuid(upload.campaign))).await.map(|_| ())
    }

    /// Removes the last rows of a stale upload, and the upload itself once it has none. Answers whether there is more to
    /// remove. From the end, and with its number of rows: so each step finds its rows without passing over those that are gone.
    async fn remove_some_rows(&mut self, upload: UploadId) -> Fallible<bool> {
        let query = sqlx::query(concat!(
            "SELECT id, campaign_id, first_row, rows FROM uploads WHERE id = $1 AND state = 'open' AND expires_at <= ",
            real_now!(),
            " FOR UPDATE"
        ));
        let Some(row) = self.one(query.bind(uuid(upload))).await? else { return Ok(false) };
        let cells = Cells::new("uploads", &row);
        let campaign = cells.id::<paceline_domain::kind::Campaign>("campaign_id")?;
        let (first_row, rows) = (cells.number("first_row")?, cells.number("rows")?);
        if rows == 0 {
            self.execute(sqlx::query("DELETE FROM uploads WHERE id = $1").bind(uuid(upload))).await?;
            return Ok(false);
        }
        let left = (rows - REMOVE_AT_ONCE).max(0);
        let remove = sqlx::query(
            "WITH accepted AS (DELETE FROM recipients WHERE campaign_id = $2 AND row_no >= $3 AND row_no < $4), \
                excluded AS (DELETE FROM exclusions WHERE campaign_id = $2 AND row_no >= $3 AND row_no < $4) \
             UPDATE uploads SET rows = $5 WHERE id = $1",
        );
        let remove =
            remove.bind(uuid(upload)).bind(uuid(campaign)).bind(first_row + left).bind(first_row + rows).bind(left);
        self.execute(remove).await?;
        Ok(true)
    }
}
