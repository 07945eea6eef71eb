//! `POST /v1/webhook-endpoints`.

use axum::{Json, extract::State, http::StatusCode};
use base64::{Engine, engine::general_purpose::STANDARD};
use paceline_domain::EventKind;
use paceline_store::endpoints::Endpoint;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    api::Api,
    auth::Caller,
    body::JsonBody,
    endpoints::{EndpointBody, url},
    ids::IdSource,
    problem::{Problem, Unprocessable},
    schemas,
    validate::Checks,
};

/// A webhook endpoint to add.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddWebhookEndpoint {
    /// Where to post events: `http` or `https`. Private and loopback addresses are refused unless the configuration allows
    /// them.
    #[schema(max_length = 2000, example = "https://example.com/hooks")]
    url: String,
    /// The events wanted; all unless named.
    #[serde(default)]
    #[schema(value_type = Vec<schemas::EventKind>)]
    events: Vec<EventKind>,
}

/// The webhook endpoint, with its secret.
#[derive(Serialize, ToSchema)]
pub(crate) struct AddedWebhookEndpoint {
    /// The webhook endpoint.
    #[serde(flatten)]
    endpoint: EndpointBody,
    /// The signing secret (Standard Webhooks). Shown this once.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: String,
}

/// Adds a webhook endpoint and makes its signing secret.
#[utoipa::path(
    post, path = "/v1/webhook-endpoints", tag = "webhooks", request_body = AddWebhookEndpoint,
    responses((status = 201, description = "Added.", body = AddedWebhookEndpoint), Unprocessable)
)]
pub(crate) async fn add_webhook_endpoint(
    State(api): State<Api>,
    caller: Caller,
    ids: IdSource,
    JsonBody(request): JsonBody<AddWebhookEndpoint>,
) -> Result<(StatusCode, Json<AddedWebhookEndpoint>), Problem> {
    let mut checks = Checks::default();
    let url = checks.accept("/url", url::check(&request.url, &api.options().webhook_egress));
    checks.finish()?;
    let mut events = request.events;
    events.sort_unstable();
    events.dedup();
    let now = api.now();
    let endpoint = Endpoint {
        id: ids.mint(now),
        workspace: caller.workspace,
        url: url.unwrap_or_default(),
        events,
        secret: format!("whsec_{}", STANDARD.encode(api.minter().bytes::<24>())),
        created_at: now,
        failing_since: None,
        disabled: None,
    };
    let limit = api.options().max_endpoints;
    let known = api.store().list_endpoints(caller.workspace).await?;
    if known.len() >= limit && known.iter().all(|known| known.id != endpoint.id) {
        return Err(Problem::TooManyEndpoints { limit });
    }
    // A repetition after a crash finds the webhook endpoint of the first execution, and with it that one's secret.
    let endpoint = api.store().add_endpoint(endpoint).await?;
    let secret = endpoint.secret.clone();
    Ok((StatusCode::CREATED, Json(AddedWebhookEndpoint { endpoint: endpoint.into(), secret })))
}
