//! Uploads and the rows that they bring.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{AddressHash, CampaignId, UploadId, WorkspaceId};
use paceline_ledger::{
    Fallible, Fault,
    locks::{Line, Locked},
    rows::{CommittedUploadRows, ExclusionWrite, OpenUploadRow, RecipientWrite, UploadReads, UploadRow, UploadRows},
};
use paceline_store::{
    campaigns::ExcludedRow,
    recipients::{OpenUpload, RecipientRow, UploadSummary},
};

use super::{Memory, Tables};

/// An upload.
#[derive(Debug, Clone)]
pub(super) struct UploadEntry {
    campaign: CampaignId,
    workspace: WorkspaceId,
    standing: Standing,
    first_row: i64,
    progress: UploadSummary,
    expires_at: DateTime<Utc>,
    holder: UploadId,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Open,
    Committed,
}

impl Tables {
    fn open_uploads(&self) -> impl Iterator<Item = (UploadId, &UploadEntry)> {
        self.uploads.iter().filter(|(_, entry)| entry.standing == Standing::Open).map(|(id, entry)| (*id, entry))
    }

    fn edit_upload(&mut self, id: UploadId, change: impl FnOnce(&mut UploadEntry)) -> Fallible<()> {
        change(self.uploads.edit(&id).ok_or_else(|| Fault::missing("uploads", id))?);
        Ok(())
    }
}

#[async_trait]
impl UploadRows for Tables {
    async fn find_open_upload(&mut self, campaign: CampaignId) -> Fallible<Option<OpenUploadRow>> {
        let open = self.open_uploads().find(|(_, entry)| entry.campaign == campaign);
        Ok(open.map(|(id, entry)| OpenUploadRow { id, has_run_out: entry.expires_at <= self.now }))
    }

    async fn add_upload(&mut self, upload: &OpenUpload, workspace: WorkspaceId, ttl: Duration) -> Fallible<()> {
        let &OpenUpload { campaign, upload, first_row, holder } = upload;
        let (progress, expires_at) = (UploadSummary::default(), self.after(ttl));
        let standing = Standing::Open;
        let entry = UploadEntry { campaign, workspace, standing, first_row, progress, expires_at, holder };
        let is_busy = self.open_uploads().any(|(_, entry)| entry.campaign == campaign);
        let is_new = !is_busy && self.uploads.add(upload, entry);
        if is_new { Ok(()) } else { Err(Fault::conflict("uploads")) }
    }

    async fn lock_upload(&mut self, upload: UploadId) -> Fallible<Option<Locked<UploadRow>>> {
        self.wait_for(Line::Uploads);
        let open = self.uploads.get(&upload).filter(|entry| entry.standing == Standing::Open);
        let row = |entry: &UploadEntry| UploadRow {
            id: upload,
            workspace: entry.workspace,
            campaign: entry.campaign,
            first_row: entry.first_row,
            rows: entry.progress.rows,
            accepted: entry.progress.accepted,
            excluded: entry.progress.excluded.clone(),
            has_run_out: entry.expires_at <= self.now,
            holder: Some(entry.holder),
        };
        Ok(open.map(|entry| Locked::new(row(entry))))
    }

    async fn add_recipients(
        &mut self,
        upload: &Locked<UploadRow>,
        recipients: &[RecipientWrite<'_>],
    ) -> Fallible<HashMap<AddressHash, i64>> {
        let campaign = upload.campaign;
        let mut earlier = HashMap::new();
        for &RecipientWrite { row, address, hash, variables } in recipients {
            if let Some(known) = self.people.get(&(campaign, hash)) {
                earlier.insert(hash, *known);
                continue;
            }
            self.people.put((campaign, hash), row);
            let recipient = RecipientRow { row, address: address.clone(), hash, variables: variables.to_owned() };
            if !self.recipients.add((campaign, row), recipient) {
                return Err(Fault::conflict("recipients"));
            }
        }
        Ok(earlier)
    }

    async fn add_exclusions(
        &mut self,
        campaign: CampaignId,
        _workspace: WorkspaceId,
        exclusions: &[ExclusionWrite],
    ) -> Fallible<()> {
        for ExclusionWrite { row, phone, exclusion } in exclusions.iter().cloned() {
            if !self.exclusions.add((campaign, row), ExcludedRow { row, phone, exclusion }) {
                return Err(Fault::conflict("exclusions"));
            }
        }
        Ok(())
    }

    async fn set_progress(
        &mut self,
        upload: &Locked<UploadRow>,
        progress: &UploadSummary,
        ttl: Duration,
    ) -> Fallible<()> {
        let until = self.after(ttl);
        self.edit_upload(upload.id, |entry| {
            entry.progress = progress.clone();
            entry.expires_at = until;
        })
    }

    async fn commit_upload(&mut self, upload: &Locked<UploadRow>) -> Fallible<()> {
        self.edit_upload(upload.id, |entry| entry.standing = Standing::Committed)
    }

    async fn end_upload(&mut self, upload: &Locked<UploadRow>) -> Fallible<()> {
        self.edit_upload(upload.id, |entry| entry.expires_at = DateTime::UNIX_EPOCH)
    }

    async fn end_uploads(&mut self) -> Fallible<u64> {
        self.wait_for(Line::Uploads);
        let open: Vec<UploadId> = self.open_uploads().map(|(id, _)| id).collect();
        for upload in &open {
            self.edit_upload(*upload, |entry| entry.expires_at = DateTime::UNIX_EPOCH)?;
        }
        Ok(u64::try_from(open.len()).unwrap_or(u64::MAX))
    }

    async fn remove_rows(&mut self, upload: &Locked<UploadRow>, keep: i64) -> Fallible<()> {
        let campaign = upload.campaign;
        let rest = (campaign, upload.first_row + keep)..=(campaign, i64::MAX);
        let recipients: BTreeMap<_, _> =
            self.recipients.range(rest.clone()).map(|(key, recipient)| (*key, recipient.hash)).collect();
        for hash in recipients.values() {
            self.people.remove(&(campaign, *hash));
        }
        self.recipients.remove_all(recipients.into_keys());
        let exclusions: Vec<_> = self.exclusions.range(rest).map(|(key, _)| *key).collect();
        self.exclusions.remove_all(exclusions);
        self.edit_upload(upload.id, |entry| entry.progress.rows = keep)
    }

    async fn remove_upload(&mut self, upload: &Locked<UploadRow>) -> Fallible<()> {
        self.uploads.remove(&upload.id);
        Ok(())
    }
}

#[async_trait]
impl CommittedUploadRows for Tables {
    async fn find_committed_upload(
        &mut self,
        campaign: CampaignId,
        upload: UploadId,
    ) -> Fallible<Option<UploadSummary>> {
        let found = self.uploads.get(&upload).filter(|entry| entry.campaign == campaign);
        let committed = found.filter(|entry| entry.standing == Standing::Committed);
        Ok(committed.map(|entry| entry.progress.clone()))
    }
}

#[async_trait]
impl UploadReads for Memory {
    async fn list_recipients(
        &self,
        workspace: WorkspaceId,
        campaign: CampaignId,
        after_row: i64,
        limit: u32,
    ) -> Fallible<Vec<RecipientRow>> {
        let tables = self.read().await?;
        let rows = tables.campaign_of(workspace, campaign).map_or(0, |entry| entry.campaign.rows);
        let committed = tables.recipients_between(campaign, after_row, rows);
        Ok(committed.take(limit as usize).cloned().collect())
    }

    async fn list_stale_uploads(&self, limit: u32) -> Fallible<Vec<UploadId>> {
        let tables = self.read().await?;
        let stale = tables.open_uploads().filter(|(_, entry)| entry.expires_at <= tables.now);
        let mut stale: Vec<_> = stale.map(|(id, entry)| (entry.expires_at, id)).collect();
        stale.sort_unstable();
        Ok(stale.into_iter().take(limit as usize).map(|(_, id)| id).collect())
    }
}
