//! Uploads of recipients.
//!
//! An upload's rows have higher numbers than the campaign's committed ones, and nobody reads beyond those: that is what makes an
//! open upload invisible and its commit one small change. An upload that is given up is removed in pieces, before the
//! next one opens.
//!
//! Opening, committing and the campaign's moves lock the campaign's row and so come one after the other. Whoever writes or
//! removes an upload's rows locks the upload's row, after the campaign's where they need both.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use paceline_domain::{CampaignId, CampaignState, UploadId, WorkspaceId};
use paceline_store::{
    StoreResult,
    recipients::{DuplicateRow, OpenUpload, RecipientRow, RecipientStore, UploadOpening, UploadRow, UploadSummary},
};
use sqlx::postgres::PgRow;

use crate::{
    cells::Cells,
    counters::{Count, Ledger},
    error::{Fallible, conflict},
    open::PostgresStore,
    transaction::Tx,
    values::{duration_micros, micros_of, real_now, uuid},
};

mod append;
mod remove;

pub(crate) use append::NewExclusion;

/// What a step of opening an upload came to.
enum Step {
    Done(UploadOpening),
    /// Rows of a stale upload are in the way: remove some more and ask again.
    Remove(UploadId),
}

/// Reads an accepted row.
pub(crate) fn read_recipient(row: &PgRow) -> Fallible<RecipientRow> {
    let cells = Cells::new("recipients", row);
    Ok(RecipientRow {
        row: cells.number("row_no")?,
        address: cells.address()?,
        hash: cells.hash("hash")?,
        variables: cells.string("variables")?,
    })
}

#[async_trait]
impl RecipientStore for PostgresStore {
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
        // Shared, because a transaction that loses against another is run again.
        let rows: Arc<[UploadRow]> = rows.into();
        self.write(move |tx| Box::pin(async move { tx.append_recipients(upload, &rows, ttl).await })).await
    }

    async fn commit_upload(&self, upload: OpenUpload, columns: Vec<String>) -> StoreResult<UploadSummary> {
        self.write(move |tx| Box::pin(tx.commit_upload(upload, columns))).await
    }

    async fn abort_upload(&self, upload: OpenUpload) -> StoreResult<()> {
        self.write(move |tx| Box::pin(tx.expire_upload(upload))).await?;
        self.remove_stale_upload(upload.upload).await
    }

    async fn void_uploads(&self) -> StoreResult<u64> {
        self.write(|tx| {
            Box::pin(tx.execute(sqlx::query("UPDATE uploads SET expires_at = 'epoch' WHERE state = 'open'")))
        })
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
             WHERE c.id = $1 AND c.workspace_id = $2 AND r.row_no > $3 AND r.row_no <= c.rows ORDER BY r.row_no LIMIT $4",
        );
        let query = query.bind(uuid(campaign)).bind(uuid(workspace)).bind(after).bind(i64::from(limit));
        Ok(self.all(query).await?.iter().map(read_recipient).collect::<Fallible<_>>()?)
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
        let query =
            sqlx::query("SELECT id, state, rows FROM campaigns WHERE id = $1 AND workspace_id = $2 FOR NO KEY UPDATE");
        let Some(row) = self.one(query.bind(uuid(id)).bind(uuid(workspace))).await? else {
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
            " AS stale FROM uploads WHERE campaign_id = $1 AND state = 'open'"
        ));
        if let Some(row) = self.one(open.bind(uuid(id))).await? {
            let cells = Cells::new("uploads", &row);
            let ran_out = cells.flag("stale")?;
            return Ok(if ran_out { Step::Remove(cells.id("id")?) } else { Step::Done(UploadOpening::Busy) });
        }
        let insert = sqlx::query(concat!(
            "INSERT INTO uploads (id, workspace_id, campaign_id, state, first_row, expires_at) \
             VALUES ($1, $2, $3, 'open', $4, ",
            real_now!(),
            " + ",
            micros_of!("$5"),
            ")"
        ));
        let first_row = rows + 1;
        let insert = insert.bind(uuid(upload)).bind(uuid(workspace)).bind(uuid(id)).bind(first_row);
        self.execute(insert.bind(duration_micros(ttl))).await?;
        Ok(Step::Done(UploadOpening::Opened(OpenUpload { campaign: id, upload, first_row })))
    }

    async fn committed_upload(&mut self, campaign: CampaignId, upload: UploadId) -> Fallible<Option<UploadSummary>> {
        let query = sqlx::query(
            "SELECT id, rows, accepted, excluded FROM uploads WHERE id = $1 AND campaign_id = $2 AND state = 'committed'",
        );
        let Some(row) = self.one(query.bind(uuid(upload)).bind(uuid(campaign))).await? else { return Ok(None) };
        let cells = Cells::new("uploads", &row);
        let (rows, accepted) = (cells.number("rows")?, cells.number("accepted")?);
        Ok(Some(UploadSummary { rows, accepted, excluded: cells.json("excluded")? }))
    }

    /// The upload, locked, while it is open and its ttl has not passed.
    async fn upload_progress(&mut self, upload: OpenUpload) -> Fallible<Progress> {
        let query = sqlx::query(concat!(
            "SELECT id, workspace_id, first_row, rows, accepted, excluded FROM uploads \
             WHERE id = $1 AND campaign_id = $2 AND state = 'open' AND expires_at > ",
            real_now!(),
            " FOR NO KEY UPDATE"
        ));
        let row = self.one(query.bind(uuid(upload.upload)).bind(uuid(upload.campaign))).await?;
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
        let query =
            sqlx::query("SELECT id, columns FROM campaigns WHERE id = $1 AND state = 'draft' FOR NO KEY UPDATE");
        let row = self.one(query.bind(uuid(upload.campaign))).await?.ok_or_else(|| conflict("campaigns"))?;
        let progress = self.upload_progress(upload).await?;
        let mut known: Vec<String> = Cells::new("campaigns", &row).json("columns")?;
        for column in columns {
            if !known.contains(&column) {
                known.push(column);
            }
        }
        let commit = sqlx::query(
            "WITH committed AS (UPDATE uploads SET state = 'committed' WHERE id = $5) \
             UPDATE campaigns SET rows = $2, accepted = accepted + $3, columns = $4 WHERE id = $1",
        );
        let commit = commit
            .bind(uuid(upload.campaign))
            .bind(progress.first_row - 1 + progress.rows)
            .bind(progress.accepted)
            .bind(serde_json::json!(known).to_string())
            .bind(uuid(upload.upload));
        self.execute(commit).await?;
        let ledger = Ledger::of(progress.workspace, Some(upload.campaign));
        for (reason, count) in &progress.excluded {
            self.count(ledger, &Count::Excluded(reason.clone().into()), *count);
        }
        Ok(UploadSummary { rows: progress.rows, accepted: progress.accepted, excluded: progress.excluded })
    }
}
