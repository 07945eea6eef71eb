//! `GET /v1/webhook-endpoints`.

use axum::{Json, extract::State};
use paceline_domain::EndpointId;
use paceline_store::{Page, endpoints::Endpoint};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    api::Api,
    auth::Caller,
    cursor::{List, Listing, invalid_cursor},
    endpoints::EndpointBody,
    params::Params,
    problem::{Problem, Unprocessable},
};

/// Which webhook endpoints.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListWebhookEndpoints {
    /// The `next_cursor` of the page before.
    #[param(max_length = 512)]
    cursor: Option<String>,
    /// The most items wanted.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

/// Lists the webhook endpoints by time of addition, those that were switched off too.
#[utoipa::path(
    get, path = "/v1/webhook-endpoints", tag = "webhooks", params(ListWebhookEndpoints),
    responses((status = 200, description = "A page of webhook endpoints.", body = Listing<EndpointBody>), Unprocessable)
)]
pub(crate) async fn list_webhook_endpoints(
    State(api): State<Api>,
    caller: Caller,
    Params(params): Params<ListWebhookEndpoints>,
) -> Result<Json<Listing<EndpointBody>>, Problem> {
    let list = List::of(&api, caller, "webhook-endpoints").await?;
    let request = list.request(params.cursor.as_deref(), params.limit)?;
    let after: Option<EndpointId> =
        request.after.map(|after| after.parse().map_err(|_| invalid_cursor())).transpose()?;
    // So few that they are read whole, and paged here.
    let mut endpoints = api.store().list_endpoints(caller.workspace).await?;
    endpoints.sort_by_key(|endpoint| (endpoint.created_at, endpoint.id));
    Ok(Json(list.page(page(endpoints, after, request.limit), EndpointBody::from)))
}

/// What follows the endpoint that was shown last; one that was removed since has no place, and everything is shown again.
fn page(endpoints: Vec<Endpoint>, after: Option<EndpointId>, limit: u32) -> Page<Endpoint> {
    let last = after.and_then(|after| endpoints.iter().position(|endpoint| endpoint.id == after));
    let first = last.map_or(0, |last| last + 1);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut items: Vec<Endpoint> = endpoints.into_iter().skip(first).collect();
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|last| last.id.to_string());
    Page { items, next }
}
