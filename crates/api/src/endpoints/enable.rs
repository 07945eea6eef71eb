//! `POST /v1/webhook-endpoints/{id}/enable`.

use axum::{Json, extract::State};
use paceline_domain::kind;

use crate::{
    api::Api,
    auth::Caller,
    endpoints::EndpointBody,
    params::{PathId, not_found},
    problem::{NotFound, Problem},
    schemas,
};

/// Switches a webhook endpoint on again that was switched off because it did not answer. Events are posted to it from now on; those of
/// the time while it was off stand in the event log.
#[utoipa::path(
    post, path = "/v1/webhook-endpoints/{id}/enable", tag = "webhooks",
    params(("id" = schemas::EndpointId, Path, description = "The webhook endpoint.")),
    responses((status = 200, description = "The webhook endpoint as it now is.", body = EndpointBody), NotFound)
)]
pub(crate) async fn enable_webhook_endpoint(
    State(api): State<Api>,
    caller: Caller,
    PathId(id): PathId<kind::Endpoint>,
) -> Result<Json<EndpointBody>, Problem> {
    let enabled = api.store().enable_endpoint(caller.workspace, id).await?;
    enabled.map(|endpoint| Json(endpoint.into())).ok_or(not_found::<kind::Endpoint>())
}
