//! Who must not be contacted.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{Address, AddressHash, SuppressionId, SuppressionReason, SuppressionScope, WorkspaceId};

use crate::{Page, PageRequest, StoreResult};

/// A suppression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppression {
    /// Its id.
    pub id: SuppressionId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// The person, under the workspace's key; unique per workspace.
    pub hash: AddressHash,
    /// The person; `None` after an erasure.
    pub address: Option<Address>,
    /// What it forbids.
    pub scope: SuppressionScope,
    /// Why.
    pub reason: SuppressionReason,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// What became of an addition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SuppressionAddition {
    /// Added; this many waiting messages were cancelled.
    Added {
        /// Waiting messages that were cancelled in the same transaction.
        cancelled: u64,
    },
    /// The person was suppressed already. A wider scope widens it; `since` and `reason` stay.
    Existing(Suppression),
}

/// Suppressions.
#[async_trait]
pub trait SuppressionStore: Send + Sync {
    /// Suppresses a person and cancels their waiting messages (`suppressed`), with events, in one transaction. Scope
    /// `marketing` cancels messages of the campaign lane only.
    async fn add_suppression(&self, suppression: Suppression, now: DateTime<Utc>) -> StoreResult<SuppressionAddition>;

    /// The suppressions of a workspace, the oldest first.
    async fn list_suppressions(&self, workspace: WorkspaceId, page: PageRequest) -> StoreResult<Page<Suppression>>;

    /// The suppression of a person.
    async fn find_suppression(&self, workspace: WorkspaceId, hash: AddressHash) -> StoreResult<Option<Suppression>>;

    /// Removes a suppression; `false` when there was none.
    async fn remove_suppression(&self, workspace: WorkspaceId, suppression: SuppressionId) -> StoreResult<bool>;
}
