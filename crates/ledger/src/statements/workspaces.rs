//! Workspaces and their API keys.

use async_trait::async_trait;
use paceline_domain::{UnknownPolicy, WorkspaceId};
use paceline_store::workspaces::{ApiKey, Workspace};

use crate::{
    Fallible, columns,
    rows::{WorkspaceReads, WorkspaceRows},
    statements::{Reading, Statement, Writing, find},
};

/// The texts.
#[derive(Debug)]
pub struct WorkspaceTexts {
    /// Locks the table, where that is needed.
    pub lock: Option<&'static str>,
    /// The first workspace.
    pub find_first: &'static str,
    /// Adds a workspace: id, name, key, policy, when.
    pub add: &'static str,
    /// Notes that nobody has seen the first key.
    pub set_unseen: &'static str,
    /// Whether that is noted.
    pub is_unseen: &'static str,
    /// Forgets that.
    pub set_seen: &'static str,
    /// Adds an API key: id, workspace, name, hash, when.
    pub add_key: &'static str,
    /// Changes a workspace's policy, and returns the workspace: id, policy.
    pub set_unknown_policy: &'static str,
    /// An API key: hash.
    pub find_key: &'static str,
    /// A workspace: id.
    pub find: &'static str,
}

#[async_trait]
impl<X: Writing> WorkspaceRows for X {
    async fn lock_workspaces(&mut self) -> Fallible<()> {
        match X::TEXTS.workspaces.lock {
            Some(text) => self.run(X::bound(Statement::new(text))).await,
            None => Ok(()),
        }
    }

    async fn find_first_workspace(&mut self) -> Fallible<Option<Workspace>> {
        self.find(X::bound(Statement::new(X::TEXTS.workspaces.find_first)), columns::workspace).await
    }

    async fn add_workspace(&mut self, workspace: &Workspace) -> Fallible<()> {
        let add = Statement::new(X::TEXTS.workspaces.add)
            .with(workspace.id)
            .with(workspace.name.as_str())
            .with(workspace.key.to_bytes().to_vec())
            .with(workspace.unknown_policy.as_str())
            .with(workspace.created_at);
        self.run(X::bound(add)).await
    }

    async fn set_first_key_unseen(&mut self) -> Fallible<()> {
        self.run(X::bound(Statement::new(X::TEXTS.workspaces.set_unseen))).await
    }

    async fn is_first_key_unseen(&mut self) -> Fallible<bool> {
        self.has(X::bound(Statement::new(X::TEXTS.workspaces.is_unseen))).await
    }

    async fn set_first_key_seen(&mut self) -> Fallible<()> {
        self.run(X::bound(Statement::new(X::TEXTS.workspaces.set_seen))).await
    }

    async fn add_api_key(&mut self, key: &ApiKey) -> Fallible<()> {
        let add = Statement::new(X::TEXTS.workspaces.add_key)
            .with(key.id)
            .with(key.workspace)
            .with(key.name.as_str())
            .with(key.hash.to_vec())
            .with(key.created_at);
        self.run(X::bound(add)).await
    }

    async fn set_unknown_policy(
        &mut self,
        workspace: WorkspaceId,
        policy: UnknownPolicy,
    ) -> Fallible<Option<Workspace>> {
        let set = Statement::new(X::TEXTS.workspaces.set_unknown_policy).with(workspace).with(policy.as_str());
        self.find(X::bound(set), columns::workspace).await
    }
}

#[async_trait]
impl<D: Reading> WorkspaceReads for D {
    async fn find_api_key(&self, hash: [u8; 32]) -> Fallible<Option<ApiKey>> {
        find(self, Statement::new(D::TEXTS.workspaces.find_key).with(hash.to_vec()), columns::api_key).await
    }

    async fn find_workspace(&self, workspace: WorkspaceId) -> Fallible<Option<Workspace>> {
        find(self, Statement::new(D::TEXTS.workspaces.find).with(workspace), columns::workspace).await
    }
}
