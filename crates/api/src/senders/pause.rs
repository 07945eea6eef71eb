//! `POST /v1/senders/{id}/pause`.

use axum::{Json, extract::State};
use paceline_domain::{SenderState, kind};
use paceline_store::senders::SenderMoveOutcome;

use crate::{
    api::Api,
    auth::Caller,
    params::{PathId, not_found},
    problem::{Conflict, NotFound, Problem},
    schemas,
    senders::SenderBody,
};

/// Pauses a sender: from its next intent on it sends nothing. Pausing a paused one changes nothing.
#[utoipa::path(
    post, path = "/v1/senders/{id}/pause", tag = "senders", params(("id" = schemas::SenderId, Path, description = "The sender.")),
    responses((status = 200, description = "The sender as it now is.", body = SenderBody), NotFound, Conflict)
)]
pub(crate) async fn pause_sender(
    State(api): State<Api>,
    caller: Caller,
    PathId(id): PathId<kind::Sender>,
) -> Result<Json<SenderBody>, Problem> {
    let now = api.now();
    match api.store().move_sender(caller.workspace, id, SenderState::Paused, now).await? {
        SenderMoveOutcome::Moved(sender) => Ok(Json(SenderBody::new(*sender, api.profiles(), now))),
        SenderMoveOutcome::NotFound => Err(not_found::<kind::Sender>()),
        SenderMoveOutcome::Removed => Err(Problem::SenderRemoved),
    }
}
