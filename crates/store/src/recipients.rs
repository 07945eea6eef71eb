//! Uploads of recipients: streamed in batches, invisible until committed, so that each is atomic.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use paceline_domain::{Address, AddressHash, CampaignId, CampaignState, Exclusion, UploadId, WorkspaceId};

use crate::StoreResult;

/// One row of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UploadRow {
    /// A row that can be read.
    Recipient {
        /// Its number, from 1 over all of the campaign's uploads.
        row: i64,
        /// The person.
        address: Address,
        /// The address under the workspace's key.
        hash: AddressHash,
        /// Its variables as a JSON object of strings.
        variables: String,
    },
    /// A row that is excluded already: malformed or invalid.
    Excluded {
        /// Its number.
        row: i64,
        /// The phone as written, when there was one.
        phone: Option<String>,
        /// Why.
        exclusion: Exclusion,
    },
}

/// An upload that may be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenUpload {
    /// The campaign.
    pub campaign: CampaignId,
    /// The upload.
    pub upload: UploadId,
    /// The number of its first row.
    pub first_row: i64,
    /// Who opened it: the same upload may be opened again by its own client, and from then on only that one may write to it.
    pub holder: UploadId,
}

/// What became of the wish to upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UploadOpening {
    /// Go on.
    Opened(OpenUpload),
    /// This very upload was committed before.
    Committed(UploadSummary),
    /// No such campaign in the workspace.
    NotFound,
    /// Recipients may be added to drafts only.
    NotDraft(CampaignState),
    /// Another upload is open.
    Busy,
}

/// A row that turned out to be a duplicate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DuplicateRow {
    /// Its number.
    pub row: i64,
    /// The number of the earlier row.
    pub of_row: i64,
}

/// What an upload brought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UploadSummary {
    /// Rows in all.
    pub rows: i64,
    /// Rows accepted; planning decides about them.
    pub accepted: i64,
    /// Rows excluded, by reason.
    pub excluded: BTreeMap<String, i64>,
}

/// An accepted row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipientRow {
    /// Its number.
    pub row: i64,
    /// The person.
    pub address: Address,
    /// The address under the workspace's key.
    pub hash: AddressHash,
    /// Its variables as a JSON object of strings.
    pub variables: String,
}

/// Uploads.
#[async_trait]
pub trait RecipientStore: Send + Sync {
    /// Opens an upload. An upload that is open under the same id is given up for it, with all that it has brought: its own client asks
    /// again, and whoever opened it before can write to it no more. At most one is open per campaign; one whose `ttl` (real time) has passed without an append no
    /// longer counts, and [`crate::sweep::SweepStore::abort_stale_uploads`] removes its rows.
    async fn open_upload(
        &self,
        workspace: WorkspaceId,
        campaign: CampaignId,
        upload: UploadId,
        ttl: Duration,
    ) -> StoreResult<UploadOpening>;

    /// Appends rows, whose numbers follow each other, and extends the upload's ttl. Answers with the rows whose person
    /// stands in an earlier row of the campaign or of this very batch; those are excluded as duplicates.
    ///
    /// # Errors
    /// `Conflict` when the upload is not open any more.
    async fn append_recipients(
        &self,
        upload: OpenUpload,
        rows: Vec<UploadRow>,
        ttl: Duration,
    ) -> StoreResult<Vec<DuplicateRow>>;

    /// Makes the rows of an upload part of the campaign, with the columns that they provide.
    ///
    /// # Errors
    /// `Conflict` when the upload is not open any more, or the campaign no draft.
    async fn commit_upload(&self, upload: OpenUpload, columns: Vec<String>) -> StoreResult<UploadSummary>;

    /// Removes an open upload and its rows.
    async fn abort_upload(&self, upload: OpenUpload) -> StoreResult<()>;

    /// Ends every open upload: those who wrote them are known to be dead, as at the start of an embedded installation. The
    /// sweeper removes their rows. Answers how many.
    async fn void_uploads(&self) -> StoreResult<u64>;

    /// The first accepted rows of a campaign's committed uploads after row `after`.
    async fn list_recipients(
        &self,
        workspace: WorkspaceId,
        campaign: CampaignId,
        after: i64,
        limit: u32,
    ) -> StoreResult<Vec<RecipientRow>>;
}
