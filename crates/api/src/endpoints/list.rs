//! `GET /v1/webhook-endpoints`.

use axum::{Json, extract::State};

use crate::{api::Api, auth::Caller, cursor::Listing, endpoints::EndpointBody, problem::Problem};

/// Lists the webhook endpoints by time of addition, those that were switched off too.
#[utoipa::path(
    get, path = "/v1/webhook-endpoints", tag = "webhooks",
    responses((status = 200, description = "The webhook endpoints.", body = Listing<EndpointBody>))
)]
pub(crate) async fn list_webhook_endpoints(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<Listing<EndpointBody>>, Problem> {
    let endpoints = api.store().list_endpoints(caller.workspace).await?;
    Ok(Json(Listing::whole(endpoints.into_iter().map(EndpointBody::from).collect())))
}
