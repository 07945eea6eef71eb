//! `GET /v1/suppressions`.

use axum::{Json, extract::State};
use paceline_domain::{Address, PhoneNumber};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    api::Api,
    auth::Caller,
    cursor::{List, Listing},
    params::Params,
    phones,
    problem::{FieldError, Problem, Unprocessable},
    suppressions::SuppressionBody,
};

/// Which suppressions.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListSuppressions {
    /// The `next_cursor` of the page before.
    #[param(max_length = 512)]
    cursor: Option<String>,
    /// The most items wanted.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// Only the suppression of the person with this number, in E.164.
    phone: Option<String>,
}

/// Lists who must not be contacted, the oldest suppression first.
#[utoipa::path(
    get, path = "/v1/suppressions", tag = "suppressions", params(ListSuppressions),
    responses((status = 200, description = "A page of suppressions.", body = Listing<SuppressionBody>), Unprocessable)
)]
pub(crate) async fn list_suppressions(
    State(api): State<Api>,
    caller: Caller,
    Params(params): Params<ListSuppressions>,
) -> Result<Json<Listing<SuppressionBody>>, Problem> {
    if let Some(phone) = params.phone {
        let phone: PhoneNumber = phones::from_query(&phone)
            .parse()
            .map_err(|error: paceline_domain::ParsePhoneError| FieldError::parameter("phone", error.to_string()))?;
        let hash = phones::workspace_key(&api, caller.workspace).await?.hash_address(&Address::phone(phone));
        let found = api.store().find_suppression(caller.workspace, hash).await?;
        return Ok(Json(Listing::whole(found.into_iter().map(SuppressionBody::from).collect())));
    }
    let list = List::of(&api, caller, "suppressions").await?;
    let page = list.request(params.cursor.as_deref(), params.limit)?;
    let page = api.store().list_suppressions(caller.workspace, page).await?;
    Ok(Json(list.page(page, SuppressionBody::from)))
}
