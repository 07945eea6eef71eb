//! `POST /v1/webhook-endpoints/{id}/deliveries/{delivery}/redeliver`.

use axum::{Json, extract::State, http::StatusCode};
use paceline_domain::kind;
use paceline_store::endpoints::RedeliverOutcome;

use crate::{
    api::Api,
    auth::Caller,
    endpoints::DeliveryBody,
    params::{PathIds, not_found},
    problem::{Conflict, NotFound, Problem},
    schemas,
};

/// Posts an event again, at once and with all its retries ahead.
#[utoipa::path(
    post, path = "/v1/webhook-endpoints/{id}/deliveries/{delivery}/redeliver", tag = "webhooks",
    params(
        ("id" = schemas::EndpointId, Path, description = "The webhook endpoint."),
        ("delivery" = schemas::DeliveryId, Path, description = "The delivery."),
    ),
    responses((status = 202, description = "It is due now.", body = DeliveryBody), NotFound, Conflict)
)]
pub(crate) async fn redeliver_webhook(
    State(api): State<Api>,
    caller: Caller,
    PathIds(endpoint, delivery): PathIds<kind::Endpoint, kind::Delivery>,
) -> Result<(StatusCode, Json<DeliveryBody>), Problem> {
    match api.store().redeliver(caller.workspace, endpoint, delivery).await? {
        RedeliverOutcome::Due(delivery) => Ok((StatusCode::ACCEPTED, Json(delivery.into()))),
        RedeliverOutcome::NotFound => Err(not_found::<kind::Delivery>()),
        RedeliverOutcome::Disabled => Err(Problem::EndpointDisabled),
    }
}
