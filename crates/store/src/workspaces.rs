//! Workspaces and their API keys.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{ApiKeyId, UnknownPolicy, WorkspaceId, WorkspaceKey};

use crate::StoreResult;

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    /// Its id.
    pub id: WorkspaceId,
    /// Its name.
    pub name: String,
    /// Its secret.
    pub key: WorkspaceKey,
    /// What becomes of messages whose outcome stays unknown.
    pub unknown_policy: UnknownPolicy,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// An API key as stored: never the key itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// What a person calls it.
    pub name: String,
    /// SHA-256 of the key.
    pub hash: [u8; 32],
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// What [`WorkspaceStore::bootstrap`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bootstrap {
    /// The installation was empty; the workspace and the key now exist.
    Created,
    /// There was a workspace already; nothing was changed.
    Existing(Workspace),
    /// There was a workspace already, whose first key nobody is known to have seen: whoever made it died on the way. The key now exists
    /// beside that one.
    Unseen(Workspace),
}

/// Workspaces and keys.
#[async_trait]
pub trait WorkspaceStore: Send + Sync {
    /// Makes the first workspace and its key, unless the installation has one. Until it is known that somebody has seen a key, each call
    /// makes one.
    async fn bootstrap(&self, workspace: Workspace, key: ApiKey) -> StoreResult<Bootstrap>;

    /// Notes that the key of [`WorkspaceStore::bootstrap`] was shown.
    async fn record_key_shown(&self) -> StoreResult<()>;

    /// Adds a key to a workspace.
    async fn add_api_key(&self, key: ApiKey) -> StoreResult<()>;

    /// The key whose SHA-256 is `hash`.
    async fn find_api_key(&self, hash: [u8; 32]) -> StoreResult<Option<ApiKey>>;

    /// The keys of a workspace, oldest first.
    async fn list_api_keys(&self, workspace: WorkspaceId) -> StoreResult<Vec<ApiKey>>;

    /// A workspace by its id.
    async fn find_workspace(&self, workspace: WorkspaceId) -> StoreResult<Option<Workspace>>;

    /// Changes what becomes of messages whose outcome stays unknown, those that are so already included. Answers the workspace
    /// as it then is.
    async fn set_unknown_policy(&self, workspace: WorkspaceId, policy: UnknownPolicy)
    -> StoreResult<Option<Workspace>>;
}
