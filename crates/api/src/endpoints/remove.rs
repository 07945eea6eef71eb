//! `DELETE /v1/webhook-endpoints/{id}`.

use axum::{extract::State, http::StatusCode};
use paceline_domain::kind;

use crate::{
    api::Api,
    auth::Caller,
    params::{PathId, not_found},
    problem::{NotFound, Problem},
    schemas,
};

/// Removes a webhook endpoint: nothing is posted to it any more, and what waits for it is removed.
#[utoipa::path(
    delete, path = "/v1/webhook-endpoints/{id}", tag = "webhooks",
    params(("id" = schemas::EndpointId, Path, description = "The webhook endpoint.")),
    responses((status = 204, description = "Removed."), NotFound)
)]
pub(crate) async fn remove_webhook_endpoint(
    State(api): State<Api>,
    caller: Caller,
    PathId(id): PathId<kind::Endpoint>,
) -> Result<StatusCode, Problem> {
    if api.store().remove_endpoint(caller.workspace, id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(not_found::<kind::Endpoint>())
    }
}
