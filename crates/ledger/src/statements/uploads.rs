//! Uploads and the rows that they bring, outside of transactions.

use async_trait::async_trait;
use paceline_domain::{CampaignId, UploadId, WorkspaceId};
use paceline_store::recipients::{RecipientRow, UploadSummary};

use crate::{
    Fallible, columns,
    rows::{CommittedUploadRows, UploadReads},
    statements::{Reading, Statement, Writing, list},
};

const FIND_COMMITTED: &str =
    "SELECT id, rows, accepted, excluded FROM uploads WHERE id = $1 AND campaign_id = $2 AND state = 'committed'";

/// The texts.
#[derive(Debug)]
pub struct UploadTexts {
    /// The recipients of a campaign: campaign, workspace, after which row, how many.
    pub list_recipients: &'static str,
    /// Open uploads whose time has passed: how many.
    pub list_stale: &'static str,
}

#[async_trait]
impl<X: Writing> CommittedUploadRows for X {
    async fn find_committed_upload(
        &mut self,
        campaign: CampaignId,
        upload: UploadId,
    ) -> Fallible<Option<UploadSummary>> {
        let find = Statement::new(FIND_COMMITTED).with(upload).with(campaign);
        self.find(X::bound(find), columns::committed_upload).await
    }
}

#[async_trait]
impl<D: Reading> UploadReads for D {
    async fn list_recipients(
        &self,
        workspace: WorkspaceId,
        campaign: CampaignId,
        after_row: i64,
        limit: u32,
    ) -> Fallible<Vec<RecipientRow>> {
        let page = Statement::new(D::TEXTS.uploads.list_recipients).with(campaign).with(workspace);
        list(self, page.with(after_row).with(limit), columns::recipient).await
    }

    async fn list_stale_uploads(&self, limit: u32) -> Fallible<Vec<UploadId>> {
        list(self, Statement::new(D::TEXTS.uploads.list_stale).with(limit), columns::id("uploads")).await
    }
}
