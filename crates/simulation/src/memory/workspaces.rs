//! Workspaces and their API keys.

use async_trait::async_trait;
use paceline_domain::{UnknownPolicy, WorkspaceId};
use paceline_ledger::{
    Fallible, Fault,
    rows::{WorkspaceReads, WorkspaceRows},
};
use paceline_store::workspaces::{ApiKey, Workspace};

use super::{Memory, Tables};

#[async_trait]
impl WorkspaceRows for Tables {
    async fn lock_workspaces(&mut self) -> Fallible<()> {
        // The only transaction that locks this table locks nothing else, and so has no place in the order.
        Ok(())
    }

    async fn find_first_workspace(&mut self) -> Fallible<Option<Workspace>> {
        Ok(self.workspaces.values().min_by_key(|workspace| (workspace.created_at, workspace.id)).cloned())
    }

    async fn add_workspace(&mut self, workspace: &Workspace) -> Fallible<()> {
        let is_new = self.workspaces.add(workspace.id, workspace.clone());
        if is_new { Ok(()) } else { Err(Fault::conflict("workspaces")) }
    }

    async fn set_first_key_unseen(&mut self) -> Fallible<()> {
        self.unseen_first_key.put((), ());
        Ok(())
    }

    async fn is_first_key_unseen(&mut self) -> Fallible<bool> {
        Ok(!self.unseen_first_key.is_empty())
    }

    async fn set_first_key_seen(&mut self) -> Fallible<()> {
        self.unseen_first_key.remove(&());
        Ok(())
    }

    async fn add_api_key(&mut self, key: &ApiKey) -> Fallible<()> {
        let is_known = self.api_keys.values().any(|other| other.hash == key.hash);
        let is_new = !is_known && self.api_keys.add(key.id, key.clone());
        if is_new { Ok(()) } else { Err(Fault::conflict("api_keys")) }
    }

    async fn set_unknown_policy(
        &mut self,
        workspace: WorkspaceId,
        policy: UnknownPolicy,
    ) -> Fallible<Option<Workspace>> {
        let Some(row) = self.workspaces.edit(&workspace) else { return Ok(None) };
        row.unknown_policy = policy;
        Ok(Some(row.clone()))
    }
}

#[async_trait]
impl WorkspaceReads for Memory {
    async fn find_api_key(&self, hash: [u8; 32]) -> Fallible<Option<ApiKey>> {
        Ok(self.read().await?.api_keys.values().find(|key| key.hash == hash).cloned())
    }

    async fn list_api_keys(&self, workspace: WorkspaceId) -> Fallible<Vec<ApiKey>> {
        let tables = self.read().await?;
        let mut keys: Vec<ApiKey> =
            tables.api_keys.values().filter(|key| key.workspace == workspace).cloned().collect();
        keys.sort_unstable_by_key(|key| (key.created_at, key.id));
        Ok(keys)
    }

    async fn find_workspace(&self, workspace: WorkspaceId) -> Fallible<Option<Workspace>> {
        Ok(self.read().await?.workspaces.get(&workspace).cloned())
    }
}
