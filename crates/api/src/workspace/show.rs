//! `GET /v1/workspace`.

use axum::extract::State;

use super::WorkspaceBody;
use crate::{
    api::Api,
    auth::Caller,
    etag::Tagged,
    params::not_found,
    problem::{NotFound, Problem},
};

/// Shows the workspace that the API key belongs to.
#[utoipa::path(
    get, path = "/v1/workspace", tag = "workspace",
    responses((status = 200, description = "The workspace.", body = WorkspaceBody), NotFound)
)]
pub(crate) async fn show_workspace(State(api): State<Api>, caller: Caller) -> Result<Tagged<WorkspaceBody>, Problem> {
    let found = api.store().find_workspace(caller.workspace).await?;
    found.map(Tagged::now).ok_or(not_found::<paceline_domain::kind::Workspace>())
}
