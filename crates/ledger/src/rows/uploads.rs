//! Uploads and the rows that they bring.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use async_trait::async_trait;
use paceline_domain::{Address, AddressHash, CampaignId, Exclusion, UploadId, WorkspaceId};
use paceline_store::recipients::{OpenUpload, RecipientRow, UploadSummary};

use crate::{Fallible, locks::Locked};

/// An open upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadRow {
    /// The upload.
    pub id: UploadId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// The campaign that it is for.
    pub campaign: CampaignId,
    /// The number of its first row.
    pub first_row: i64,
    /// How many rows it has brought so far.
    pub rows: i64,
    /// How many of them are recipients.
    pub accepted: i64,
    /// How many of them are excluded, by reason.
    pub excluded: BTreeMap<String, i64>,
    /// Whether its time to live has passed, by the database's clock.
    pub has_run_out: bool,
    /// Who opened it; `None`: a binary that knew no holders.
    pub holder: Option<UploadId>,
}

/// That a campaign has an open upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenUploadRow {
    /// The upload.
    pub id: UploadId,
    /// Whether its time to live has passed, by the database's clock.
    pub has_run_out: bool,
}

/// A recipient to write.
#[derive(Debug, Clone, Copy)]
pub struct RecipientWrite<'t> {
    /// The row's number.
    pub row: i64,
    /// The person.
    pub address: &'t Address,
    /// The person under the workspace's key.
    pub hash: AddressHash,
    /// The variables, as JSON.
    pub variables: &'t str,
}

/// An excluded row to write.
#[derive(Debug, Clone)]
pub struct ExclusionWrite {
    /// The row's number.
    pub row: i64,
    /// The phone as it was written or read.
    pub phone: Option<String>,
    /// Why.
    pub exclusion: Exclusion,
}

/// Statements of a transaction.
#[async_trait]
pub trait UploadRows {
    /// The open upload of a campaign.
    async fn find_open_upload(&mut self, campaign: CampaignId) -> Fallible<Option<OpenUploadRow>>;

    /// Opens an upload for `ttl`.
    async fn add_upload(&mut self, upload: &OpenUpload, workspace: WorkspaceId, ttl: Duration) -> Fallible<()>;

    /// Locks an open upload.
    async fn lock_upload(&mut self, upload: UploadId) -> Fallible<Option<Locked<UploadRow>>>;

    /// Writes recipients whose person is not yet among the campaign's; persons are named once each. Answers the earlier rows of the
    /// others, which are not written.
    async fn add_recipients(
        &mut self,
        upload: &Locked<UploadRow>,
        recipients: &[RecipientWrite<'_>],
    ) -> Fallible<HashMap<AddressHash, i64>>;

    /// Writes excluded rows.
    async fn add_exclusions(
        &mut self,
        campaign: CampaignId,
        workspace: WorkspaceId,
        exclusions: &[ExclusionWrite],
    ) -> Fallible<()>;

    /// Notes what an upload has brought so far, and lets it live for `ttl` from now.
    async fn set_progress(
        &mut self,
        upload: &Locked<UploadRow>,
        progress: &UploadSummary,
        ttl: Duration,
    ) -> Fallible<()>;

    /// Marks an upload as committed.
    async fn commit_upload(&mut self, upload: &Locked<UploadRow>) -> Fallible<()>;

    /// Lets the time to live of an upload be over.
    async fn end_upload(&mut self, upload: &Locked<UploadRow>) -> Fallible<()>;

    /// Lets the time to live of every open upload be over. Answers how many there are.
    async fn end_uploads(&mut self) -> Fallible<u64>;

    /// Removes the recipients and exclusions of an upload from its row number `keep` + 1 on (counted from its first), and notes that
    /// it has `keep` rows.
    async fn remove_rows(&mut self, upload: &Locked<UploadRow>, keep: i64) -> Fallible<()>;

    /// Removes an upload that has no rows.
    async fn remove_upload(&mut self, upload: &Locked<UploadRow>) -> Fallible<()>;
}

/// What has become of uploads, in a transaction.
#[async_trait]
pub trait CommittedUploadRows {
    /// What an upload that was committed has brought.
    async fn find_committed_upload(
        &mut self,
        campaign: CampaignId,
        upload: UploadId,
    ) -> Fallible<Option<UploadSummary>>;
}

/// Statements outside of transactions.
#[async_trait]
pub trait UploadReads {
    /// Recipients of a campaign that are committed, by row, after a row.
    async fn list_recipients(
        &self,
        workspace: WorkspaceId,
        campaign: CampaignId,
        after_row: i64,
        limit: u32,
    ) -> Fallible<Vec<RecipientRow>>;

    /// Open uploads whose time to live has passed, the oldest first.
    async fn list_stale_uploads(&self, limit: u32) -> Fallible<Vec<UploadId>>;
}
