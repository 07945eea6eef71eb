//! Uploads and the rows that they bring, outside of transactions.

use async_trait::async_trait;
use paceline_domain::{CampaignId, UploadId, WorkspaceId};
use paceline_store::recipients::RecipientRow;

use crate::{
    Fallible, columns,
    rows::UploadReads,
    statements::{Reading, Statement, list},
};

/// The texts.
#[derive(Debug)]
pub struct UploadTexts {
    /// The recipients of a campaign: campaign, workspace, after which row, how many.
    pub list_recipients: &'static str,
    /// Open uploads whose time has passed: how many.
    pub list_stale: &'static str,
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
