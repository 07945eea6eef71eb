//! Workspaces and their API keys.

use async_trait::async_trait;
use paceline_domain::{UnknownPolicy, WorkspaceId, WorkspaceKey};
use paceline_store::{
    StoreResult,
    workspaces::{ApiKey, Bootstrap, Workspace, WorkspaceStore},
};
use sqlx::sqlite::SqliteRow;

use crate::{
    cells::Cells,
    error::Fallible,
    open::SqliteStore,
    transaction::Tx,
    values::{blob, micros},
};

#[async_trait]
impl WorkspaceStore for SqliteStore {
    async fn bootstrap(&self, workspace: Workspace, key: ApiKey) -> StoreResult<Bootstrap> {
        self.write(move |tx| Box::pin(tx.bootstrap(workspace, key))).await
    }

    async fn add_api_key(&self, key: ApiKey) -> StoreResult<()> {
        self.write(move |tx| Box::pin(tx.add_api_key(key))).await
    }

    async fn find_api_key(&self, hash: [u8; 32]) -> StoreResult<Option<ApiKey>> {
        let query = sqlx::query("SELECT id, workspace_id, name, hash, created_at FROM api_keys WHERE hash = ?1");
        let row = self.one(query.bind(hash.to_vec())).await?;
        Ok(row.as_ref().map(read_key).transpose()?)
    }

    async fn find_workspace(&self, workspace: WorkspaceId) -> StoreResult<Option<Workspace>> {
        let query = sqlx::query("SELECT id, name, key, unknown_policy, created_at FROM workspaces WHERE id = ?1");
        let row = self.one(query.bind(blob(workspace))).await?;
        Ok(row.as_ref().map(read_workspace).transpose()?)
    }

    async fn set_unknown_policy(
        &self,
        workspace: WorkspaceId,
        policy: UnknownPolicy,
    ) -> StoreResult<Option<Workspace>> {
        self.write(move |tx| {
            Box::pin(async move {
                let update = sqlx::query(
                    "UPDATE workspaces SET unknown_policy = ?2 WHERE id = ?1 RETURNING id, name, key, unknown_policy, created_at",
                );
                let row = tx.one(update.bind(blob(workspace)).bind(policy.as_str())).await?;
                row.as_ref().map(read_workspace).transpose()
            })
        })
        .await
    }
}

impl Tx {
    async fn bootstrap(&mut self, workspace: Workspace, key: ApiKey) -> Fallible<Bootstrap> {
        let first = sqlx::query(
            "SELECT id, name, key, unknown_policy, created_at FROM workspaces ORDER BY created_at, id LIMIT 1",
        );
        if let Some(row) = self.one(first).await? {
            return Ok(Bootstrap::Existing(read_workspace(&row)?));
        }
        let insert = sqlx::query(
            "INSERT INTO workspaces (id, name, key, unknown_policy, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        )
        .bind(blob(workspace.id))
        .bind(workspace.name)
        .bind(workspace.key.to_bytes().to_vec())
        .bind(workspace.unknown_policy.as_str())
        .bind(micros(workspace.created_at));
        self.execute(insert).await?;
        self.add_api_key(key).await?;
        Ok(Bootstrap::Created)
    }

    async fn add_api_key(&mut self, key: ApiKey) -> Fallible<()> {
        let insert =
            sqlx::query("INSERT INTO api_keys (id, workspace_id, name, hash, created_at) VALUES (?1, ?2, ?3, ?4, ?5)")
                .bind(blob(key.id))
                .bind(blob(key.workspace))
                .bind(key.name)
                .bind(key.hash.to_vec())
                .bind(micros(key.created_at));
        self.execute(insert).await?;
        Ok(())
    }
}

fn read_workspace(row: &SqliteRow) -> Fallible<Workspace> {
    let cells = Cells::new("workspaces", row);
    Ok(Workspace {
        id: cells.id("id")?,
        name: cells.string("name")?,
        key: WorkspaceKey::from_bytes(cells.array("key")?),
        unknown_policy: cells.word("unknown_policy")?,
        created_at: cells.time("created_at")?,
    })
}

fn read_key(row: &SqliteRow) -> Fallible<ApiKey> {
    let cells = Cells::new("api_keys", row);
    Ok(ApiKey {
        id: cells.id("id")?,
        workspace: cells.id("workspace_id")?,
        name: cells.string("name")?,
        hash: cells.array("hash")?,
        created_at: cells.time("created_at")?,
    })
}
