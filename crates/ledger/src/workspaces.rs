//! Workspaces and their API keys.

use async_trait::async_trait;
use paceline_domain::{UnknownPolicy, WorkspaceId};
use paceline_store::{
    StoreResult,
    workspaces::{ApiKey, Bootstrap, Workspace, WorkspaceStore},
};

use crate::{Database, Fallible, Ledger, transaction::Tx};

#[async_trait]
impl<D: Database> WorkspaceStore for Ledger<D> {
    async fn bootstrap(&self, workspace: Workspace, key: ApiKey) -> StoreResult<Bootstrap> {
        self.write(move |tx| Box::pin(bootstrap(tx, workspace, key))).await
    }

    async fn record_key_shown(&self) -> StoreResult<()> {
        self.write(|tx| tx.rows.set_first_key_seen()).await
    }

    async fn add_api_key(&self, key: ApiKey) -> StoreResult<()> {
        self.write(move |tx| Box::pin(async move { tx.rows.add_api_key(&key).await })).await
    }

    async fn find_api_key(&self, hash: [u8; 32]) -> StoreResult<Option<ApiKey>> {
        Ok(self.database.find_api_key(hash).await?)
    }

    async fn list_api_keys(&self, workspace: WorkspaceId) -> StoreResult<Vec<ApiKey>> {
        Ok(self.database.list_api_keys(workspace).await?)
    }

    async fn find_workspace(&self, workspace: WorkspaceId) -> StoreResult<Option<Workspace>> {
        Ok(self.database.find_workspace(workspace).await?)
    }

    async fn set_unknown_policy(
        &self,
        workspace: WorkspaceId,
        policy: UnknownPolicy,
    ) -> StoreResult<Option<Workspace>> {
        self.write(move |tx| tx.rows.set_unknown_policy(workspace, policy)).await
    }
}

/// Two servers may start on an empty installation at once: the second waits for the table, and then finds a workspace.
async fn bootstrap(tx: &mut Tx<'_>, workspace: Workspace, key: ApiKey) -> Fallible<Bootstrap> {
    tx.rows.lock_workspaces().await?;
    if let Some(first) = tx.rows.find_first_workspace().await? {
        if !tx.rows.is_first_key_unseen().await? {
            return Ok(Bootstrap::Existing(first));
        }
        tx.rows.add_api_key(&ApiKey { workspace: first.id, ..key }).await?;
        return Ok(Bootstrap::Unseen(first));
    }
    tx.rows.add_workspace(&workspace).await?;
    tx.rows.set_first_key_unseen().await?;
    tx.rows.add_api_key(&key).await?;
    Ok(Bootstrap::Created)
}
