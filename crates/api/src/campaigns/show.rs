//! `GET /v1/campaigns/{id}`.

use axum::{Json, extract::State};
use paceline_domain::kind;

use super::{CampaignBody, find};
use crate::{
    api::Api,
    auth::Caller,
    params::PathId,
    problem::{NotFound, Problem},
    schemas,
};

/// Shows a campaign.
#[utoipa::path(
    get, path = "/v1/campaigns/{id}", tag = "campaigns",
    params(("id" = schemas::CampaignId, Path, description = "The campaign.")),
    responses((status = 200, description = "The campaign.", body = CampaignBody), NotFound)
)]
pub(crate) async fn show_campaign(
    State(api): State<Api>,
    caller: Caller,
    PathId(id): PathId<kind::Campaign>,
) -> Result<Json<CampaignBody>, Problem> {
    Ok(Json(find(&api, caller, id).await?.into()))
}
