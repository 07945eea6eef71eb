//! Suppressions.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{AddressHash, SuppressionId, SuppressionScope, WorkspaceId};
use paceline_store::suppressions::Suppression;

use crate::Fallible;

/// Statements of a transaction.
#[async_trait]
pub trait SuppressionRows {
    /// The suppressions of people, behind their gates, in any order.
    async fn list_suppressions(&mut self, people: &[(WorkspaceId, AddressHash)]) -> Fallible<Vec<Suppression>>;

    /// Adds suppressions of people who have none; their gates are closed.
    async fn add_suppressions(&mut self, suppressions: &[Suppression]) -> Fallible<()>;

    /// Changes how far the suppressions of people reach; their gates are closed.
    async fn set_scope(&mut self, people: &[(WorkspaceId, AddressHash)], scope: SuppressionScope) -> Fallible<()>;

    /// Removes a suppression. Answers whether there was one.
    async fn remove_suppression(&mut self, workspace: WorkspaceId, suppression: SuppressionId) -> Fallible<bool>;
}

/// Statements outside of transactions.
#[async_trait]
pub trait SuppressionReads {
    /// The suppressions of a workspace, by `since` and id, after a key.
    async fn list_suppressions(
        &self,
        workspace: WorkspaceId,
        after: Option<(DateTime<Utc>, SuppressionId)>,
        limit: u32,
    ) -> Fallible<Vec<Suppression>>;

    /// The suppressions of people of a workspace, in any order.
    async fn find_suppressions(&self, workspace: WorkspaceId, people: &[AddressHash]) -> Fallible<Vec<Suppression>>;
}
