//! `GET /v1/messages`.

use axum::{Json, extract::State};
use paceline_domain::{CampaignId, MessageState, SenderId};
use paceline_store::messages::MessageFilter;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    api::Api,
    auth::Caller,
    cursor::{List, Listing},
    messages::MessageBody,
    params::Params,
    problem::{Problem, Unprocessable},
    schemas,
};

/// Which messages.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListMessages {
    /// The `next_cursor` of the page before.
    #[param(max_length = 512)]
    cursor: Option<String>,
    /// The most items wanted.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// Only those of this campaign.
    #[param(value_type = Option<schemas::CampaignId>)]
    campaign_id: Option<CampaignId>,
    /// Only those in this state.
    #[param(value_type = Option<schemas::MessageState>)]
    state: Option<MessageState>,
    /// Only those bound to, or sent by, this sender.
    #[param(value_type = Option<schemas::SenderId>)]
    sender_id: Option<SenderId>,
}

/// Lists messages in the order in which they were accepted or planned.
///
/// A page may have fewer items than `limit`, even none, while there are more: go on until `next_cursor` is `null`.
#[utoipa::path(
    get, path = "/v1/messages", tag = "messages", params(ListMessages),
    responses((status = 200, description = "A page of messages.", body = Listing<MessageBody>), Unprocessable)
)]
pub(crate) async fn list_messages(
    State(api): State<Api>,
    caller: Caller,
    Params(params): Params<ListMessages>,
) -> Result<Json<Listing<MessageBody>>, Problem> {
    let filter = MessageFilter { campaign: params.campaign_id, state: params.state, sender: params.sender_id };
    let list = List::of(&api, caller, "messages").await?;
    let page = list.request(params.cursor.as_deref(), params.limit)?;
    let page = api.store().list_messages(caller.workspace, filter, page).await?;
    Ok(Json(list.page(page, MessageBody::from)))
}
