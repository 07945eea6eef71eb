//! `POST /v1/campaigns/{id}/pause`.

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

/// Halts a running campaign, from the next intent on. Its messages keep their place.
#[utoipa::path(
    post, path = "/v1/campaigns/{id}/pause", tag = "campaigns",
    params(("id" = schemas::CampaignId, Path, description = "The campaign.")),
    responses((status = 200, description = "The campaign as it now is.", body = CampaignBody), NotFound, Conflict)
)]
pub(crate) async fn pause_campaign(
    State(api): State<Api>,
    caller: Caller,
    PathId(id): PathId<kind::Campaign>,
) -> Result<Tagged<CampaignBody>, Problem> {
    make_move(&api, caller, id, CampaignMove::Pause).await
}
