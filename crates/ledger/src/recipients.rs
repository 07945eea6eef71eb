//! Uploads of recipients.
//!
//! An upload's rows have higher numbers than the campaign's committed ones, and nobody reads beyond those: that is what makes an
//! open upload invisible and its commit one small change. An upload that is given up is removed in pieces, before the
//! next one opens.
//!
//! Opening, committing and the campaign's moves lock the campaign's row and so come one after the other. Whoever writes or
//! removes an upload's rows locks the upload's row, after the campaign's where they need both.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::DateTime;
use paceline_domain::{Address, CampaignId, CampaignState, Exclusion, UploadId, WorkspaceId};
use paceline_store::{
    StoreResult,
    recipients::{DuplicateRow, OpenUpload, RecipientRow, RecipientStore, UploadOpening, UploadRow, UploadSummary},
};

use crate::{
    Database, Fallible, Fault, Ledger, campaigns,
    counters::{Book, Count},
    locks::Locked,
    rows::{self, ExclusionWrite},
    transaction::Tx,
};

mod append;
mod remove;

pub(crate) use remove::remove_stale_upload;

/// What a step of opening an upload came to.
enum Step {
    Done(UploadOpening),
    /// Rows of a stale upload are in the way: remove some more and ask again.
    Remove(UploadId),
}

#[async_trait]
impl<D: Database> RecipientStore for Ledger<D> {
    async fn open_upload(
        &self,
        workspace: WorkspaceId,
        campaign: CampaignId,
        upload: UploadId,
        ttl: Duration,
    ) -> StoreResult<UploadOpening> {
        loop {
            match self.write(move |tx| Box::pin(open_upload(tx, workspace, campaign, upload, ttl))).await? {
                Step::Done(opening) => return Ok(opening),
                Step::Remove(stale) => remove_stale_upload(self, stale).await?,
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
        self.write(move |tx| Box::pin(async move { append::append_recipients(tx, upload, &rows, ttl).await })).await
    }

    async fn commit_upload(&self, upload: OpenUpload, columns: Vec<String>) -> StoreResult<UploadSummary> {
        self.write(move |tx| Box::pin(commit_upload(tx, upload, columns))).await
    }

    async fn abort_upload(&self, upload: OpenUpload) -> StoreResult<()> {
        self.write(move |tx| Box::pin(end_upload(tx, upload))).await?;
        remove_stale_upload(self, upload.upload).await
    }

    async fn void_uploads(&self) -> StoreResult<u64> {
        self.write(|tx| tx.rows.end_uploads()).await
    }

    async fn list_recipients(
        &self,
        workspace: WorkspaceId,
        campaign: CampaignId,
        after: i64,
        limit: u32,
    ) -> StoreResult<Vec<RecipientRow>> {
        Ok(self.database.list_recipients(workspace, campaign, after, limit).await?)
    }
}

/// An excluded row, with the phone that was read.
pub(crate) fn exclude(row: i64, address: &Address, exclusion: Exclusion) -> ExclusionWrite {
    let phone = address.phone.as_ref().map(|phone| phone.as_e164().to_owned());
    ExclusionWrite { row, phone, exclusion }
}

async fn open_upload(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    id: CampaignId,
    upload: UploadId,
    ttl: Duration,
) -> Fallible<Step> {
    let Some(campaign) = campaigns::lock(tx, workspace, id).await? else {
        return Ok(Step::Done(UploadOpening::NotFound));
    };
    if let Some(summary) = tx.rows.find_committed_upload(id, upload).await? {
        return Ok(Step::Done(UploadOpening::Committed(summary)));
    }
    if campaign.state != CampaignState::Draft {
        return Ok(Step::Done(UploadOpening::NotDraft(campaign.state)));
    }
    if let Some(open) = tx.rows.find_open_upload(id).await? {
        if open.has_run_out {
            return Ok(Step::Remove(open.id));
        }
        if open.id != upload {
            return Ok(Step::Done(UploadOpening::Busy));
        }
        // Its own client asks again, so that whoever sent the first body sends no more of it.
        if let Some(left) = tx.rows.lock_upload(upload).await? {
            tx.rows.end_upload(&left).await?;
        }
        return Ok(Step::Remove(upload));
    }
    // A token: the time in it means nothing.
    let holder = tx.mint(DateTime::UNIX_EPOCH);
    let opened = OpenUpload { campaign: id, upload, first_row: campaign.rows + 1, holder };
    tx.rows.add_upload(&opened, workspace, ttl).await?;
    Ok(Step::Done(UploadOpening::Opened(opened)))
}

/// Locks an upload that is open and still its holder's.
async fn lock_held(tx: &mut Tx<'_>, upload: OpenUpload) -> Fallible<Option<Locked<rows::UploadRow>>> {
    let locked = tx.rows.lock_upload(upload.upload).await?;
    Ok(locked.filter(|locked| locked.campaign == upload.campaign && locked.holder == Some(upload.holder)))
}

/// Locks an upload that is open and still its holder's, and whose time to live has not passed.
async fn lock_open(tx: &mut Tx<'_>, upload: OpenUpload) -> Fallible<Locked<rows::UploadRow>> {
    let held = lock_held(tx, upload).await?.filter(|held| !held.has_run_out);
    held.ok_or_else(|| Fault::conflict("uploads"))
}

async fn end_upload(tx: &mut Tx<'_>, upload: OpenUpload) -> Fallible<()> {
    match lock_held(tx, upload).await? {
        Some(held) => tx.rows.end_upload(&held).await,
        None => Ok(()),
    }
}

async fn commit_upload(tx: &mut Tx<'_>, upload: OpenUpload, columns: Vec<String>) -> Fallible<UploadSummary> {
    let locked = tx.rows.lock_campaigns(&[upload.campaign]).await?;
    let campaign = locked.into_iter().find(|campaign| campaign.state == CampaignState::Draft);
    let campaign = campaign.ok_or_else(|| Fault::conflict("campaigns"))?;
    let upload = lock_open(tx, upload).await?;
    let mut known = campaign.columns.clone();
    for column in columns {
        if !known.contains(&column) {
            known.push(column);
        }
    }
    let rows = upload.first_row - 1 + upload.rows;
    tx.rows.set_rows(&campaign, rows, campaign.accepted + upload.accepted, &known).await?;
    tx.rows.commit_upload(&upload).await?;
    let book = Book::of(upload.workspace, Some(upload.campaign));
    for (reason, count) in &upload.excluded {
        tx.counters.add(book, &Count::Excluded(reason.clone().into()), *count);
    }
    Ok(UploadSummary { rows: upload.rows, accepted: upload.accepted, excluded: upload.excluded.clone() })
}
