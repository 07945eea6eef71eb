//! `GET /v1/campaigns`.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;

use super::CampaignBody;
use crate::{
    api::Api,
    auth::Caller,
    cursor::{List, Listing},
    params::Params,
    problem::{Problem, Unprocessable},
};

/// Which campaigns.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListCampaigns {
    /// The `next_cursor` of the page before.
    #[param(max_length = 512)]
    cursor: Option<String>,
    /// The most items wanted.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

/// Lists the campaigns, newest first.
#[utoipa::path(
    get, path = "/v1/campaigns", tag = "campaigns", params(ListCampaigns),
    responses((status = 200, description = "A page of campaigns.", body = Listing<CampaignBody>), Unprocessable)
)]
pub(crate) async fn list_campaigns(
    State(api): State<Api>,
    caller: Caller,
    Params(params): Params<ListCampaigns>,
) -> Result<Json<Listing<CampaignBody>>, Problem> {
    let list = List::of(&api, caller, "campaigns").await?;
    let page = list.request(params.cursor.as_deref(), params.limit)?;
    let page = api.store().list_campaigns(caller.workspace, page).await?;
    Ok(Json(list.page(page, CampaignBody::from)))
}
