//! Counters.

use async_trait::async_trait;
use paceline_domain::{CampaignId, WorkspaceId};
use paceline_ledger::{
    Counts, Fallible, Fault,
    locks::Line,
    rows::{CountChange, CounterReads, CounterRows},
};
use paceline_store::StoreError;

use super::{Memory, Tables};

impl Tables {
    /// The counts under a workspace and a campaign, by bucket.
    pub(super) fn buckets(&self, workspace: WorkspaceId, campaign: CampaignId) -> impl Iterator<Item = (&str, i64)> {
        let of_book = move |key: &(WorkspaceId, CampaignId, String)| (key.0, key.1) == (workspace, campaign);
        let from_first = self.counts.range((workspace, campaign, String::new())..);
        from_first.take_while(move |(key, _)| of_book(key)).map(|((_, _, bucket), count)| (bucket.as_str(), *count))
    }

    /// The account that is kept under a workspace and a campaign, with the excluded and failed rows by reason.
    pub(crate) fn counted(&self, workspace: WorkspaceId, campaign: CampaignId) -> Fallible<Counts> {
        let buckets = self.buckets(workspace, campaign).map(|(bucket, count)| (bucket.to_owned(), count));
        let corrupt = || StoreError::Corrupt { table: "counts", column: "bucket", row: campaign.to_string() };
        Counts::of(buckets).ok_or_else(|| Fault::from(corrupt()))
    }
}

#[async_trait]
impl CounterRows for Tables {
    async fn add_counts(&mut self, changes: &[CountChange]) -> Fallible<()> {
        self.wait_for(Line::Counters);
        for CountChange { workspace, campaign, bucket, by } in changes {
            let key = (*workspace, *campaign, bucket.clone());
            let count = self.counts.get(&key).copied().unwrap_or(0) + by;
            self.counts.put(key, count);
        }
        Ok(())
    }
}

#[async_trait]
impl CounterReads for Memory {
    async fn list_counts(&self, workspace: WorkspaceId, campaign: CampaignId) -> Fallible<Vec<(String, i64)>> {
        let tables = self.read().await?;
        Ok(tables.buckets(workspace, campaign).map(|(bucket, count)| (bucket.to_owned(), count)).collect())
    }
}
