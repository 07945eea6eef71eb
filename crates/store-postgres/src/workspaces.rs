//! Workspaces and their API keys.

use paceline_store::workspaces::{ApiKey, Workspace};

use crate::prelude::*;

/// The columns of a workspace.
macro_rules! workspace_columns {
    () => {
        "id, name, key, unknown_policy, created_at"
    };
}

#[async_trait]
impl WorkspaceRows for Tx {
    async fn lock_workspaces(&mut self) -> Fallible<()> {
        self.run(sqlx::query("LOCK TABLE workspaces IN SHARE ROW EXCLUSIVE MODE")).await
    }

    async fn find_first_workspace(&mut self) -> Fallible<Option<Workspace>> {
        let first =
            sqlx::query(concat!("SELECT ", workspace_columns!(), " FROM workspaces ORDER BY created_at, id LIMIT 1"));
        self.find(first, columns::workspace).await
    }

    async fn add_workspace(&mut self, workspace: &Workspace) -> Fallible<()> {
        let insert = sqlx::query(
            "INSERT INTO workspaces (id, name, key, unknown_policy, created_at) VALUES ($1, $2, $3, $4, $5)",
        );
        let insert = insert
            .bind(uuid(workspace.id))
            .bind(storable(&workspace.name))
            .bind(workspace.key.to_bytes().to_vec())
            .bind(workspace.unknown_policy.as_str())
            .bind(workspace.created_at);
        self.run(insert).await
    }

    async fn add_api_key(&mut self, key: &ApiKey) -> Fallible<()> {
        let insert =
            sqlx::query("INSERT INTO api_keys (id, workspace_id, name, hash, created_at) VALUES ($1, $2, $3, $4, $5)");
        let insert = insert
            .bind(uuid(key.id))
            .bind(uuid(key.workspace))
            .bind(storable(&key.name))
            .bind(key.hash.to_vec())
            .bind(key.created_at);
        self.run(insert).await
    }

    async fn set_unknown_policy(
        &mut self,
        workspace: WorkspaceId,
        policy: UnknownPolicy,
    ) -> Fallible<Option<Workspace>> {
        let update = sqlx::query(concat!(
            "UPDATE workspaces SET unknown_policy = $2 WHERE id = $1 RETURNING ",
            workspace_columns!()
        ));
        self.find(update.bind(uuid(workspace)).bind(policy.as_str()), columns::workspace).await
    }
}

#[async_trait]
impl WorkspaceReads for PostgresRows {
    async fn find_api_key(&self, hash: [u8; 32]) -> Fallible<Option<ApiKey>> {
        let query = sqlx::query("SELECT id, workspace_id, name, hash, created_at FROM api_keys WHERE hash = $1");
        self.find(query.bind(hash.to_vec()), columns::api_key).await
    }

    async fn find_workspace(&self, workspace: WorkspaceId) -> Fallible<Option<Workspace>> {
        let query = sqlx::query(concat!("SELECT ", workspace_columns!(), " FROM workspaces WHERE id = $1"));
        self.find(query.bind(uuid(workspace)), columns::workspace).await
    }
}
