//! `DELETE /v1/senders/{id}`.

use axum::{extract::State, http::StatusCode};
use paceline_domain::{SenderState, kind};
use paceline_store::senders::SenderMoveOutcome;

use crate::{
    api::Api,
    auth::Caller,
    params::{PathId, not_found},
    problem::{NotFound, Problem},
    schemas,
};

/// Removes a sender: its session is deleted, and what waited for it may be sent by others. It is kept for its history.
#[utoipa::path(
    delete, path = "/v1/senders/{id}", tag = "senders", params(("id" = schemas::SenderId, Path, description = "The sender.")),
    responses((status = 204, description = "Removed, now or before."), NotFound)
)]
pub(crate) async fn remove_sender(
    State(api): State<Api>,
    caller: Caller,
    PathId(id): PathId<kind::Sender>,
) -> Result<StatusCode, Problem> {
    match api.store().move_sender(caller.workspace, id, SenderState::Removed, api.now()).await? {
        SenderMoveOutcome::Moved(_) | SenderMoveOutcome::Removed => Ok(StatusCode::NO_CONTENT),
        SenderMoveOutcome::NotFound => Err(not_found::<kind::Sender>()),
    }
}
