//! Uploads of recipients.
//!
//! An upload's rows have higher numbers than the campaign's committed ones, and nobody reads beyond those: that is what makes an
//! open upload invisible and its commit one small change. An upload that is given up is removed in pieces, before the
//! next one opens.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use async_trait::async_trait;
use paceline_domain::{CampaignId, CampaignState, Exclusion, UploadId, WorkspaceId};
use paceline_store::{
    StoreResult,
    recipients::{DuplicateRow, OpenUpload, RecipientRow, RecipientStore, UploadOpening, UploadRow, UploadSummary},
};
use sqlx::sqlite::SqliteRow;

use crate::{
    cells::Cells,
    counters::{Count, Ledger},
    error::{Fallible, conflict},
    open::SqliteStore,
    transaction::Tx,
    values::{blob, duration_micros, json_blobs, json_numbers, real_now},
};

mod append;

pub(crate) use append::NewExclusion;

/// How many rows of a given-up upload one transaction removes.
const REMOVE_AT_ONCE: i64 = 10_000;

/// What a step of opening an upload came to.
enum Step {
    Done(UploadOpening),
    /// Rows of a stale upload are in the way: remove some more and ask again.
    Remove(UploadId),
}

/// Reads an accepted row.
pub(crate) fn read_recipient(row: &SqliteRow) -> Fallible<RecipientRow> {
    let cells = Cells::new("recipients", row);
    Ok(RecipientRow {
        row: cells.number("row_no")?,
        address: cells.address()?,
        hash: cells.hash("hash")?,
        variables: cells.string("variables")?,
    })
}

#[async_trait]
impl RecipientStore for SqliteStore {
    async fn open_upload(
        &self,
        workspace: WorkspaceId,
        campaign: CampaignId,
        upload: UploadId,
        ttl: Duration,
    ) -> StoreResult<UploadOpening> {
        loop {
            match self.write(move |tx| Box::pin(tx.open_upload(workspace, campaign, upload, ttl))).await? {
                Step::Done(opening) => return Ok(opening),
                Step::Remove(stale) => self.remove_stale_upload(stale).await?,
            }
        }
    }

    async fn append_recipients(
        &self,
        upload: OpenUpload,
        rows: Vec<UploadRow>,
        ttl: Duration,
    ) -> StoreResult<Vec<DuplicateRow>> {
        self.write(move |tx| Box::pin(tx.append_recipients(upload, rows, ttl))).await
    }

    async fn commit_upload(&self, upload: OpenUpload, columns: Vec<String>) -> StoreResult<UploadSummary> {
        self.write(move |tx| Box::pin(tx.commit_upload(upload, columns))).await
    }

    async fn abort_upload(&self, upload: OpenUpload) -> StoreResult<()> {
        self.write(move |tx| {
            Box::pin(async move {
                let expire = sqlx::query(
                    "UPDATE uploads SET expires_at = 0 WHERE id = ?1 AND campaign_id = ?2 AND state = 'open'",
                );
                tx.execute(expire.bind(blob(upload.upload)).bind(blob(upload.campaign))).await.map(|_| ())
            })
        })
        .await?;
        self.remove_stale_upload(upload.upload).await
    }

    async fn void_uploads(&self) -> StoreResult<u64> {
        self.write(|tx| Box::pin(tx.execute(sqlx::query("UPDATE uploads SET expires_at = 0 WHERE state = 'open'"))))
            .await
    }

    async fn list_recipients(
        &self,
        workspace: WorkspaceId,
        campaign: CampaignId,
        after: i64,
        limit: u32,
    ) -> StoreResult<Vec<RecipientRow>> {
        let query = sqlx::query(
            "SELECT r.row_no, r.phone, r.business_scoped_id, r.linked_id, r.hash, r.variables \
             FROM campaigns c JOIN recipients r ON r.campaign_id = c.id \
             WHERE c.id = ?1 AND c.workspace_id = ?2 AND r.row_no > ?3 AND r.row_no <= c.rows ORDER BY r.row_no LIMIT ?4",
        );
        let rows = self.all(query.bind(blob(campaign)).bind(blob(workspace)).bind(after).bind(limit)).await?;
        Ok(rows.iter().map(read_recipient).collect::<Fallible<_>>()?)
    }
}

impl SqliteStore {
    /// Removes an open upload whose ttl has passed, and its rows, in as many transactions as it takes.
    pub(crate) async fn remove_stale_upload(&self, upload: UploadId) -> StoreResult<()> {
        while self.write(move |tx| Box::pin(tx.remove_some_rows(upload))).await? {}
        Ok(())
    }
}

/// An open upload as stored.
struct Progress {
    workspace: WorkspaceId,
    first_row: i64,
    rows: i64,
    accepted: i64,
    excluded: BTreeMap<String, i64>,
}

impl Tx {
    async fn open_upload(
        &mut self,
        workspace: WorkspaceId,
        id: CampaignId,
        upload: UploadId,
        ttl: Duration,
    ) -> Fallible<Step> {
        let query = sqlx::query("SELECT state, rows FROM campaigns WHERE id = ?1 AND workspace_id = ?2");
        let Some(row) = self.one(query.bind(blob(id)).bind(blob(workspace))).await? else {
            return Ok(Step::Done(UploadOpening::NotFound));
        };
        let campaign = Cells::new("campaigns", &row);
        let (state, rows) = (campaign.word::<CampaignState>("state")?, campaign.number("rows")?);
        if let Some(summary) = self.committed_upload(id, upload).await? {
            return Ok(Step::Done(UploadOpening::Committed(summary)));
        }
        if state != CampaignState::Draft {
            return Ok(Step::Done(UploadOpening::NotDraft(state)));
        }
        let open = sqlx::query(concat!(
            "SELECT id, expires_at <= ",
            real_now!(),
            " AS stale FROM uploads WHERE campaign_id = ?1 AND state = 'open'"
        ));
        if let Some(row) = self.one(open.bind(blob(id))).await? {
            let cells = Cells::new("uploads", &row);
            let ran_out = cells.flag("stale")?;
            return Ok(if ran_out { Step::Remove(cells.id("id")?) } else { Step::Done(UploadOpening::Busy) });
        }
        let insert = sqlx::query(concat!(
            "INSERT INTO uploads (id, workspace_id, campaign_id, state, first_row, expires_at) VALUES (?1, ?2, ?3, 'open', ?4, ",
            real_now!(),
            " + ?5)"
        ));
        let first_row = rows + 1;
        let insert = insert.bind(blob(upload)).bind(blob(workspace)).bind(blob(id)).bind(first_row);
        self.execute(insert.bind(duration_micros(ttl))).await?;
        Ok(Step::Done(UploadOpening::Opened(OpenUpload { campaign: id, upload, first_row })))
    }

    async fn committed_upload(&mut self, campaign: CampaignId, upload: UploadId) -> Fallible<Option<UploadSummary>> {
        let query = sqlx::query(
            "SELECT id, rows, accepted, excluded FROM uploads WHERE id = ?1 AND campaign_id = ?2 AND state = 'committed'",
        );
        let Some(row) = self.one(query.bind(blob(upload)).bind(blob(campaign))).await? else { return Ok(None) };
        let cells = Cells::new("uploads", &row);
        let (rows, accepted) = (cells.number("rows")?, cells.number("accepted")?);
        Ok(Some(UploadSummary { rows, accepted, excluded: cells.json("excluded")? }))
    }

    /// The upload, while it is open and its ttl has not passed.
    async fn upload_progress(&mut self, upload: OpenUpload) -> Fallible<Progress> {
        let query = sqlx::query(concat!(
            "SELECT id, workspace_id, first_row, rows, accepted, excluded FROM uploads \
             WHERE id = ?1 AND campaign_id = ?2 AND state = 'open' AND expires_at > ",
            real_now!()
        ));
        let row = self.one(query.bind(blob(upload.upload)).bind(blob(upload.campaign))).await?;
        let row = row.ok_or_else(|| conflict("uploads"))?;
        let cells = Cells::new("uploads", &row);
        Ok(Progress {
            workspace: cells.id("workspace_id")?,
            first_row: cells.number("first_row")?,
            rows: cells.number("rows")?,
            accepted: cells.number("accepted")?,
            excluded: cells.json("excluded")?,
        })
    }

    async fn commit_upload(&mut self, upload: OpenUpload, columns: Vec<String>) -> Fallible<UploadSummary> {
        let progress = self.upload_progress(upload).await?;
        let query = sqlx::query("SELECT id, columns FROM campaigns WHERE id = ?1 AND state = 'draft'");
        let row = self.one(query.bind(blob(upload.campaign))).await?.ok_or_else(|| conflict("campaigns"))?;
        let mut known: Vec<String> = Cells::new("campaigns", &row).json("columns")?;
        for column in columns {
            if !known.contains(&column) {
                known.push(column);
            }
        }
        let campaign =
            sqlx::query("UPDATE campaigns SET rows = ?2, accepted = accepted + ?3, columns = ?4 WHERE id = ?1");
        let campaign = campaign
            .bind(blob(upload.campaign))
            .bind(progress.first_row - 1 + progress.rows)
            .bind(progress.accepted)
            .bind(serde_json::json!(known).to_string());
        self.execute(campaign).await?;
        self.execute(sqlx::query("UPDATE uploads SET state = 'committed' WHERE id = ?1").bind(blob(upload.upload)))
            .await?;
        let ledger = Ledger::of(progress.workspace, Some(upload.campaign));
        for (reason, count) in &progress.excluded {
            self.count(ledger, &Count::Excluded(reason.clone().into()), *count);
        }
        Ok(UploadSummary { rows: progress.rows, accepted: progress.accepted, excluded: progress.excluded })
    }

    /// Removes rows of a stale upload, and the upload itself once it has none. Answers whether there is more to remove.
    async fn remove_some_rows(&mut self, upload: UploadId) -> Fallible<bool> {
        let query = sqlx::query(concat!(
            "SELECT id, campaign_id, first_row FROM uploads WHERE id = ?1 AND state = 'open' AND expires_at <= ",
            real_now!()
        ));
        let Some(row) = self.one(query.bind(blob(upload))).await? else { return Ok(false) };
        let cells = Cells::new("uploads", &row);
        let (campaign, first_row) =
            (cells.id::<paceline_domain::kind::Campaign>("campaign_id")?, cells.number("first_row")?);
        let recipients = sqlx::query(
            "DELETE FROM recipients WHERE campaign_id = ?1 AND row_no IN \
                (SELECT row_no FROM recipients WHERE campaign_id = ?1 AND row_no >= ?2 LIMIT ?3)",
        );
        let exclusions = sqlx::query(
            "DELETE FROM exclusions WHERE campaign_id = ?1 AND row_no IN \
                (SELECT row_no FROM exclusions WHERE campaign_id = ?1 AND row_no >= ?2 LIMIT ?3)",
        );
        let mut removed = 0;
        for statement in [recipients, exclusions] {
            removed += self.execute(statement.bind(blob(campaign)).bind(first_row).bind(REMOVE_AT_ONCE)).await?;
        }
        if removed > 0 {
            return Ok(true);
        }
        self.execute(sqlx::query("DELETE FROM uploads WHERE id = ?1").bind(blob(upload))).await?;
        Ok(false)
    }
}
