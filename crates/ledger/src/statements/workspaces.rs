//! Workspaces and their API keys.

use async_trait::async_trait;
use paceline_domain::{UnknownPolicy, WorkspaceId};
use paceline_store::workspaces::{ApiKey, Workspace};

use crate::{
    Fallible, columns,
    rows::{WorkspaceReads, WorkspaceRows},
    statements::{Reading, Statement, Writing, find, list},
};

const FIND_FIRST: &str =
    "SELECT id, name, key, unknown_policy, created_at FROM workspaces ORDER BY created_at, id LIMIT 1";
const ADD: &str = "INSERT INTO workspaces (id, name, key, unknown_policy, created_at) VALUES ($1, $2, $3, $4, $5)";
const SET_UNKNOWN_POLICY: &str =
    "UPDATE workspaces SET unknown_policy = $2 WHERE id = $1 RETURNING id, name, key, unknown_policy, created_at";
const FIND: &str = "SELECT id, name, key, unknown_policy, created_at FROM workspaces WHERE id = $1";
/// Notes that nobody has seen the first key.
const SET_UNSEEN: &str = "INSERT INTO unseen_first_key VALUES (1)";
const IS_UNSEEN: &str = "SELECT only_row FROM unseen_first_key";
const SET_SEEN: &str = "DELETE FROM unseen_first_key";
const ADD_KEY: &str = "INSERT INTO api_keys (id, workspace_id, name, hash, created_at) VALUES ($1, $2, $3, $4, $5)";
const FIND_KEY: &str = "SELECT id, workspace_id, name, hash, created_at FROM api_keys WHERE hash = $1";
const LIST_KEYS: &str =
    "SELECT id, workspace_id, name, hash, created_at FROM api_keys WHERE workspace_id = $1 ORDER BY created_at, id";

/// The texts that differ.
#[derive(Debug)]
pub struct WorkspaceTexts {
    /// Locks the table, where that is needed.
    pub lock: Option<&'static str>,
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
        self.find(X::bound(Statement::new(FIND_FIRST)), columns::workspace).await
    }

    async fn add_workspace(&mut self, workspace: &Workspace) -> Fallible<()> {
        let add = Statement::new(ADD)
            .with(workspace.id)
            .with(workspace.name.as_str())
            .with(workspace.key.to_bytes().to_vec())
            .with(workspace.unknown_policy.as_str())
            .with(workspace.created_at);
        self.run(X::bound(add)).await
    }

    async fn set_first_key_unseen(&mut self) -> Fallible<()> {
        self.run(X::bound(Statement::new(SET_UNSEEN))).await
    }

    async fn is_first_key_unseen(&mut self) -> Fallible<bool> {
        self.has(X::bound(Statement::new(IS_UNSEEN))).await
    }

    async fn set_first_key_seen(&mut self) -> Fallible<()> {
        self.run(X::bound(Statement::new(SET_SEEN))).await
    }

    async fn add_api_key(&mut self, key: &ApiKey) -> Fallible<()> {
        let add = Statement::new(ADD_KEY)
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
        let set = Statement::new(SET_UNKNOWN_POLICY).with(workspace).with(policy.as_str());
        self.find(X::bound(set), columns::workspace).await
    }
}

#[async_trait]
impl<D: Reading> WorkspaceReads for D {
    async fn find_api_key(&self, hash: [u8; 32]) -> Fallible<Option<ApiKey>> {
        find(self, Statement::new(FIND_KEY).with(hash.to_vec()), columns::api_key).await
    }

    async fn list_api_keys(&self, workspace: WorkspaceId) -> Fallible<Vec<ApiKey>> {
        list(self, Statement::new(LIST_KEYS).with(workspace), columns::api_key).await
    }

    async fn find_workspace(&self, workspace: WorkspaceId) -> Fallible<Option<Workspace>> {
        find(self, Statement::new(FIND).with(workspace), columns::workspace).await
    }
}
