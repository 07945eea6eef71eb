//! `GET /v1/senders`.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    api::Api,
    auth::Caller,
    cursor::{List, Listing},
    params::Params,
    phones,
    problem::{FieldError, Problem, Unprocessable},
    senders::SenderBody,
};

/// Which senders.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListSenders {
    /// The `next_cursor` of the page before.
    #[param(max_length = 512)]
    cursor: Option<String>,
    /// The most items wanted.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// Only the sender with this number, in E.164.
    phone: Option<String>,
}

/// Lists the senders by time of addition; removed ones are left out.
#[utoipa::path(
    get, path = "/v1/senders", tag = "senders", params(ListSenders),
    responses((status = 200, description = "A page of senders.", body = Listing<SenderBody>), Unprocessable)
)]
pub(crate) async fn list_senders(
    State(api): State<Api>,
    caller: Caller,
    Params(params): Params<ListSenders>,
) -> Result<Json<Listing<SenderBody>>, Problem> {
    let now = api.now();
    let view = |sender| SenderBody::new(sender, api.profiles(), now);
    if let Some(phone) = params.phone {
        let phone = phones::from_query(&phone).parse();
        let phone = phone
            .map_err(|error: paceline_domain::ParsePhoneError| FieldError::parameter("phone", error.to_string()))?;
        let found = api.store().find_sender_by_phone(caller.workspace, &phone).await?;
        return Ok(Json(Listing::whole(found.into_iter().map(view).collect())));
    }
    let list = List::of(&api, caller, "senders").await?;
    let page = list.request(params.cursor.as_deref(), params.limit)?;
    let page = api.store().list_senders(caller.workspace, page).await?;
    Ok(Json(list.page(page, view)))
}
