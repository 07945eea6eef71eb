//! `GET /v1/campaigns/{id}`.

use axum::extract::State;
use paceline_domain::kind;

use super::{CampaignBody, find};
use crate::{
    api::Api,
    auth::Caller,
    etag::Tagged,
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
) -> Result<Tagged<CampaignBody>, Problem> {
    Ok(Tagged::now(find(&api, caller, id).await?))
}
