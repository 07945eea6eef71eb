//! `POST /v1/dead-letters/{id}/replay`.

use axum::{Json, extract::State};
use paceline_domain::kind;
use paceline_store::dead_letters::ReplayOutcome;

use super::{DeadLetterBody, view::Contents};
use crate::{
    api::Api,
    auth::Caller,
    params::{PathId, not_found},
    problem::{Conflict, NotFound, Problem},
    schemas,
};

/// Replays a dead letter: a result is applied, the messages of a job need not wait any longer. Replaying it again changes nothing.
#[utoipa::path(
    post, path = "/v1/dead-letters/{id}/replay", tag = "dead letters",
    params(("id" = schemas::DeadLetterId, Path, description = "The dead letter.")),
    responses((status = 200, description = "It is replayed.", body = DeadLetterBody), NotFound, Conflict)
)]
pub(crate) async fn replay_dead_letter(
    State(api): State<Api>,
    caller: Caller,
    PathId(id): PathId<kind::DeadLetter>,
) -> Result<Json<DeadLetterBody>, Problem> {
    match api.store().replay_dead_letter(caller.workspace, id, api.now()).await? {
        ReplayOutcome::Replayed(letter) => Ok(Json(DeadLetterBody::new(&letter, Contents::Hidden))),
        ReplayOutcome::NotFound => Err(not_found::<kind::DeadLetter>()),
        ReplayOutcome::Unreadable => Err(Problem::DeadLetterUnreadable),
    }
}
