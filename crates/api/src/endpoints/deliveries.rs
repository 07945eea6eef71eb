//! `GET /v1/webhook-endpoints/{id}/deliveries`.

use axum::{Json, extract::State};
use paceline_domain::kind;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    api::Api,
    auth::Caller,
    cursor::{List, Listing},
    endpoints::DeliveryBody,
    params::{Params, PathId, not_found},
    problem::{NotFound, Problem, Unprocessable},
    schemas,
};

/// Which deliveries.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListDeliveries {
    /// The `next_cursor` of the page before.
    #[param(max_length = 512)]
    cursor: Option<String>,
    /// The most items wanted.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

/// Lists the deliveries to a webhook endpoint, newest first.
#[utoipa::path(
    get, path = "/v1/webhook-endpoints/{id}/deliveries", tag = "webhooks",
    params(("id" = schemas::EndpointId, Path, description = "The webhook endpoint."), ListDeliveries),
    responses((status = 200, description = "A page of deliveries.", body = Listing<DeliveryBody>), NotFound, Unprocessable)
)]
pub(crate) async fn list_webhook_deliveries(
    State(api): State<Api>,
    caller: Caller,
    PathId(id): PathId<kind::Endpoint>,
    Params(params): Params<ListDeliveries>,
) -> Result<Json<Listing<DeliveryBody>>, Problem> {
    let list = List::of(&api, caller, format!("deliveries {id}")).await?;
    let page = list.request(params.cursor.as_deref(), params.limit)?;
    let page = api.store().list_deliveries(caller.workspace, id, page).await?;
    let page = page.ok_or(not_found::<kind::Endpoint>())?;
    Ok(Json(list.page(page, DeliveryBody::from)))
}
