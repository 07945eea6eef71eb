//! Counters.

use async_trait::async_trait;
use paceline_domain::{CampaignId, WorkspaceId};

use crate::Fallible;

/// A change of a counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountChange {
    /// Whose messages; the nil id: the installation's.
    pub workspace: WorkspaceId,
    /// Of which campaign; the nil id: of none.
    pub campaign: CampaignId,
    /// What is counted.
    pub bucket: String,
    /// By how much.
    pub by: i64,
}

/// Statements of a transaction.
#[async_trait]
pub trait CounterRows {
    /// Adds to counters, which come in the order of their keys, each once.
    async fn add_counts(&mut self, changes: &[CountChange]) -> Fallible<()>;
}

/// Statements outside of transactions.
#[async_trait]
pub trait CounterReads {
    /// The counts under a workspace and a campaign, by bucket.
    async fn list_counts(&self, workspace: WorkspaceId, campaign: CampaignId) -> Fallible<Vec<(String, i64)>>;
}
