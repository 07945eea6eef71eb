//! `GET /v1/campaigns/{id}/exclusions`.

use axum::{Json, extract::State};
use paceline_domain::kind;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{ExclusionBody, find};
use crate::{
    api::Api,
    auth::Caller,
    cursor::{List, Listing},
    params::{Params, PathId},
    problem::{NotFound, Problem, Unprocessable},
    schemas,
};

/// Which exclusions.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListExclusions {
    /// The `next_cursor` of the page before.
    #[param(max_length = 512)]
    cursor: Option<String>,
    /// The most items wanted.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

/// Lists the rows that are not sent to, by row, each with its reason.
#[utoipa::path(
    get, path = "/v1/campaigns/{id}/exclusions", tag = "campaigns",
    params(("id" = schemas::CampaignId, Path, description = "The campaign."), ListExclusions),
    responses((status = 200, description = "A page of rows.", body = Listing<ExclusionBody>), NotFound, Unprocessable)
)]
pub(crate) async fn list_exclusions(
    State(api): State<Api>,
    caller: Caller,
    PathId(id): PathId<kind::Campaign>,
    Params(params): Params<ListExclusions>,
) -> Result<Json<Listing<ExclusionBody>>, Problem> {
    let list = List::of(&api, caller, format!("exclusions of {id}")).await?;
    let page = list.request(params.cursor.as_deref(), params.limit)?;
    let campaign = find(&api, caller, id).await?;
    let page = api.store().list_exclusions(caller.workspace, campaign.id, page).await?;
    Ok(Json(list.page(page, ExclusionBody::from)))
}
