//! `GET /v1/senders/{id}`.

use axum::{Json, extract::State};
use paceline_domain::kind;

use crate::{
    api::Api,
    auth::Caller,
    params::{PathId, not_found},
    problem::{NotFound, Problem},
    schemas,
    senders::SenderBody,
};

/// Shows a sender, a removed one too.
#[utoipa::path(
    get, path = "/v1/senders/{id}", tag = "senders", params(("id" = schemas::SenderId, Path, description = "The sender.")),
    responses((status = 200, description = "The sender.", body = SenderBody), NotFound)
)]
pub(crate) async fn show_sender(
    State(api): State<Api>,
    caller: Caller,
    PathId(id): PathId<kind::Sender>,
) -> Result<Json<SenderBody>, Problem> {
    let found = api.store().find_sender(caller.workspace, id).await?;
    let sender = found.ok_or(not_found::<kind::Sender>())?;
    Ok(Json(SenderBody::new(sender, api.profiles(), api.now())))
}
