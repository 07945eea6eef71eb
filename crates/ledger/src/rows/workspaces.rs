//! Workspaces and their API keys.

use async_trait::async_trait;
use paceline_domain::{UnknownPolicy, WorkspaceId};
use paceline_store::workspaces::{ApiKey, Workspace};

use crate::Fallible;

/// Statements of a transaction.
#[async_trait]
pub trait WorkspaceRows {
    /// Locks the table: nobody else adds a workspace before this transaction ends.
    async fn lock_workspaces(&mut self) -> Fallible<()>;

    /// The first workspace by creation and id.
    async fn find_first_workspace(&mut self) -> Fallible<Option<Workspace>>;

    /// Adds a workspace.
    async fn add_workspace(&mut self, workspace: &Workspace) -> Fallible<()>;

    /// Notes that nobody has seen the first key yet.
    async fn set_first_key_unseen(&mut self) -> Fallible<()>;

    /// Whether that is noted.
    async fn is_first_key_unseen(&mut self) -> Fallible<bool>;

    /// Forgets that.
    async fn set_first_key_seen(&mut self) -> Fallible<()>;

    /// Adds a key.
    async fn add_api_key(&mut self, key: &ApiKey) -> Fallible<()>;

    /// Changes a workspace's policy; `None`: there is no such workspace.
    async fn set_unknown_policy(
        &mut self,
        workspace: WorkspaceId,
        policy: UnknownPolicy,
    ) -> Fallible<Option<Workspace>>;
}

/// Statements outside of transactions.
#[async_trait]
pub trait WorkspaceReads {
    /// A key by its hash.
    async fn find_api_key(&self, hash: [u8; 32]) -> Fallible<Option<ApiKey>>;

    /// The keys of a workspace, by creation and id.
    async fn list_api_keys(&self, workspace: WorkspaceId) -> Fallible<Vec<ApiKey>>;

    /// A workspace.
    async fn find_workspace(&self, workspace: WorkspaceId) -> Fallible<Option<Workspace>>;
}
