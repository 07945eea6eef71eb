//! A workspace as the API shows it.

use chrono::{DateTime, Utc};
use paceline_domain::{UnknownPolicy, WorkspaceId};
use paceline_store::workspaces::Workspace;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{etag::Versioned, schemas};

/// A workspace.
#[derive(Serialize, ToSchema)]
#[schema(as = Workspace)]
pub(crate) struct WorkspaceBody {
    /// Its id.
    #[schema(value_type = schemas::WorkspaceId)]
    id: WorkspaceId,
    /// Its name.
    name: String,
    /// What becomes of messages whose outcome stays unknown.
    #[schema(value_type = schemas::UnknownPolicy)]
    unknown_policy: UnknownPolicy,
    /// When it was made.
    created_at: DateTime<Utc>,
}

impl From<Workspace> for WorkspaceBody {
    fn from(workspace: Workspace) -> Self {
        let Workspace { id, name, unknown_policy, created_at, .. } = workspace;
        Self { id, name, unknown_policy, created_at }
    }
}

impl Versioned for WorkspaceBody {
    const VOLATILE: &'static [&'static str] = &[];
}
