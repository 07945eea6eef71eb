//! `DELETE /v1/suppressions/{id}`.

use axum::{extract::State, http::StatusCode};
use paceline_domain::kind;

use crate::{
    api::Api,
    auth::Caller,
    params::{PathId, not_found},
    problem::{NotFound, Problem},
    schemas,
};

/// Removes a suppression: the person may be contacted again. Messages that it cancelled stay cancelled.
#[utoipa::path(
    delete, path = "/v1/suppressions/{id}", tag = "suppressions",
    params(("id" = schemas::SuppressionId, Path, description = "The suppression.")),
    responses((status = 204, description = "Removed."), NotFound)
)]
pub(crate) async fn remove_suppression(
    State(api): State<Api>,
    caller: Caller,
    PathId(id): PathId<kind::Suppression>,
) -> Result<StatusCode, Problem> {
    if api.store().remove_suppression(caller.workspace, id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(not_found::<kind::Suppression>())
    }
}
