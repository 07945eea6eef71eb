//! Workspaces and their API keys.

use crate::prelude::*;

/// The columns of a workspace.
macro_rules! workspace_columns {
    () => {
        "id, name, key, unknown_policy, created_at"
    };
}

/// The texts.
pub(crate) const TEXTS: WorkspaceTexts = WorkspaceTexts {
    lock: Some("LOCK TABLE workspaces IN SHARE ROW EXCLUSIVE MODE"),
    find_first: concat!("SELECT ", workspace_columns!(), " FROM workspaces ORDER BY created_at, id LIMIT 1"),
    add: "INSERT INTO workspaces (id, name, key, unknown_policy, created_at) VALUES ($1, $2, $3, $4, $5)",
    set_unseen: "INSERT INTO unseen_first_key VALUES (1)",
    is_unseen: "SELECT only_row FROM unseen_first_key",
    set_seen: "DELETE FROM unseen_first_key",
    add_key: "INSERT INTO api_keys (id, workspace_id, name, hash, created_at) VALUES ($1, $2, $3, $4, $5)",
    set_unknown_policy: concat!(
        "UPDATE workspaces SET unknown_policy = $2 WHERE id = $1 RETURNING ",
        workspace_columns!()
    ),
    find_key: "SELECT id, workspace_id, name, hash, created_at FROM api_keys WHERE hash = $1",
    find: concat!("SELECT ", workspace_columns!(), " FROM workspaces WHERE id = $1"),
};
