//! `POST /v1/campaigns`.

use axum::{extract::State, http::StatusCode};
use paceline_store::campaigns::{CampaignDefinition, NewCampaign};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{CampaignBody, definition};
use crate::{
    api::Api,
    auth::Caller,
    body::JsonBody,
    etag::Tagged,
    ids::IdSource,
    problem::{Problem, Unprocessable},
    senders::DEFAULT_POOL,
    times::{self, Time},
};

/// A campaign to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateCampaign {
    /// What to call it; the time of its making unless named.
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    /// The template: `{{ name }}`, `{{ name | default("there") }}`, and variants `{Hi|Hello|Hey}`.
    #[schema(min_length = 1, max_length = 32000, example = "{Hi|Hello} {{ name }}!")]
    template: String,
    /// The pool whose senders it uses; `default` unless named.
    #[schema(min_length = 1, max_length = 64)]
    pool: Option<String>,
    /// The region (ISO 3166 alpha-2) of phone numbers without a country code.
    #[schema(pattern = "^[A-Za-z]{2}$", example = "DE")]
    default_region: Option<String>,
    /// The phone column of its CSV files; `phone` unless named.
    #[schema(min_length = 1, max_length = 200)]
    phone_column: Option<String>,
    /// Not to start before this.
    #[schema(value_type = Option<DateTime<Utc>>)]
    start_at: Option<Time>,
    /// What is not sent by then is not sent at all.
    #[schema(value_type = Option<DateTime<Utc>>)]
    expires_at: Option<Time>,
}

/// Makes a campaign, as a draft.
#[utoipa::path(
    post, path = "/v1/campaigns", tag = "campaigns", request_body = CreateCampaign,
    responses((status = 201, description = "Made.", body = CampaignBody), Unprocessable)
)]
pub(crate) async fn create_campaign(
    State(api): State<Api>,
    caller: Caller,
    ids: IdSource,
    JsonBody(request): JsonBody<CreateCampaign>,
) -> Result<Tagged<CampaignBody>, Problem> {
    let now = api.now();
    let definition = CampaignDefinition {
        name: request.name.unwrap_or_else(|| format!("Campaign of {}", now.format("%Y-%m-%d %H:%M"))),
        template: request.template,
        pool: request.pool.unwrap_or_else(|| DEFAULT_POOL.to_owned()),
        default_region: request.default_region,
        phone_column: request.phone_column,
        start_at: times::at(request.start_at),
        expires_at: times::at(request.expires_at),
    };
    definition::check(&definition, now)?;
    let campaign = NewCampaign { id: ids.mint(now), workspace: caller.workspace, definition, created_at: now };
    let campaign = api.store().create_campaign(campaign).await?;
    Ok(Tagged(StatusCode::CREATED, campaign.into()))
}
