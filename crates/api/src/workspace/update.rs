//! `PATCH /v1/workspace`.

use axum::extract::State;
use paceline_domain::{UnknownPolicy, kind};
use serde::Deserialize;
use utoipa::ToSchema;

use super::WorkspaceBody;
use crate::{
    api::Api,
    auth::Caller,
    body::JsonBody,
    etag::{IfMatch, Tagged},
    params::not_found,
    problem::{NotFound, Problem, Unprocessable},
    schemas,
};

/// What to change: a field that is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateWorkspace {
    /// What becomes of messages whose outcome stays unknown. `hold`: a late receipt settles them, or a person. `fail`: they count as
    /// failed, although some may have been read. `resend`: each is sent again once, with the same WhatsApp id; on a channel that
    /// delivers repeats a person may then see it twice. Messages that are unknown already are included.
    #[schema(value_type = Option<schemas::UnknownPolicy>)]
    unknown_policy: Option<UnknownPolicy>,
}

/// Changes what the workspace chose.
#[utoipa::path(
    patch, path = "/v1/workspace", tag = "workspace", request_body = UpdateWorkspace,
    responses((status = 200, description = "The workspace as it now is.", body = WorkspaceBody), NotFound, Unprocessable)
)]
pub(crate) async fn update_workspace(
    State(api): State<Api>,
    caller: Caller,
    if_match: IfMatch,
    JsonBody(request): JsonBody<UpdateWorkspace>,
) -> Result<Tagged<WorkspaceBody>, Problem> {
    let found = api.store().find_workspace(caller.workspace).await?;
    let current: WorkspaceBody = found.ok_or(not_found::<kind::Workspace>())?.into();
    if_match.check(&current)?;
    let Some(policy) = request.unknown_policy else { return Ok(Tagged::now(current)) };
    let workspace = api.store().set_unknown_policy(caller.workspace, policy).await?;
    workspace.map(Tagged::now).ok_or(not_found::<kind::Workspace>())
}
