//! `GET /v1/campaigns/{id}/messages`.

use axum::{Json, extract::State};
use paceline_domain::{MessageState, SenderId, kind};
use paceline_store::messages::MessageFilter;
use serde::Deserialize;
use utoipa::IntoParams;

use super::find;
use crate::{
    api::Api,
    auth::Caller,
    cursor::{List, Listing},
    messages::MessageBody,
    params::{Params, PathId},
    problem::{NotFound, Problem, Unprocessable},
    schemas,
};

/// Which messages of the campaign.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListCampaignMessages {
    /// The `next_cursor` of the page before.
    #[param(max_length = 512)]
    cursor: Option<String>,
    /// The most items wanted.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// Only those in this state.
    #[param(value_type = Option<schemas::MessageState>)]
    state: Option<MessageState>,
    /// Only those bound to, or sent by, this sender.
    #[param(value_type = Option<schemas::SenderId>)]
    sender_id: Option<SenderId>,
}

/// Lists the messages of a campaign in the order of its rows.
///
/// A page may have fewer items than `limit`, even none, while there are more: go on until `next_cursor` is `null`.
#[utoipa::path(
    get, path = "/v1/campaigns/{id}/messages", tag = "campaigns",
    params(("id" = schemas::CampaignId, Path, description = "The campaign."), ListCampaignMessages),
    responses((status = 200, description = "A page of messages.", body = Listing<MessageBody>), NotFound, Unprocessable)
)]
pub(crate) async fn list_campaign_messages(
    State(api): State<Api>,
    caller: Caller,
    PathId(id): PathId<kind::Campaign>,
    Params(params): Params<ListCampaignMessages>,
) -> Result<Json<Listing<MessageBody>>, Problem> {
    let list = List::of(&api, caller, format!("messages of {id}")).await?;
    let page = list.request(params.cursor.as_deref(), params.limit)?;
    let campaign = find(&api, caller, id).await?;
    let filter = MessageFilter { campaign: Some(campaign.id), state: params.state, sender: params.sender_id };
    let page = api.store().list_messages(caller.workspace, filter, page).await?;
    Ok(Json(list.page(page, MessageBody::from)))
}
