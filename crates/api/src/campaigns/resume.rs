//! `POST /v1/campaigns/{id}/resume`.

use axum::extract::State;
use paceline_domain::{CampaignMove, kind};

use super::{CampaignBody, make_move};
use crate::{
    api::Api,
    auth::Caller,
    etag::Tagged,
    params::PathId,
    problem::{Conflict, NotFound, Problem},
    schemas,
};

/// Lets a paused campaign go on.
#[utoipa::path(
    post, path = "/v1/campaigns/{id}/resume", tag = "campaigns",
    params(("id" = schemas::CampaignId, Path, description = "The campaign.")),
    responses((status = 200, description = "The campaign as it now is.", body = CampaignBody), NotFound, Conflict)
)]
pub(crate) async fn resume_campaign(
    State(api): State<Api>,
    caller: Caller,
    PathId(id): PathId<kind::Campaign>,
) -> Result<Tagged<CampaignBody>, Problem> {
    make_move(&api, caller, id, CampaignMove::Resume).await
}
