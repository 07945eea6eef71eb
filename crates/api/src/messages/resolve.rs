//! `POST /v1/messages/{id}/resolve`.

use axum::{Json, extract::State};
use paceline_domain::{Resolution, kind};
use paceline_store::resolutions::{Decision, ResolveOutcome};
use serde::Deserialize;
use utoipa::ToSchema;

use super::MessageBody;
use crate::{
    api::Api,
    auth::Caller,
    body::JsonBody,
    params::{PathId, not_found},
    problem::{Conflict, NotFound, Problem, Unprocessable},
    schemas,
};

/// A decision about a message of unknown outcome.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResolveMessage {
    /// `sent`: it was sent. `failed`: it was not, and will not be. `resend`: it waits to be sent again with the same WhatsApp id, by
    /// the same sender where that one is still there; on a channel that delivers repeats the recipient may then see it twice.
    #[serde(rename = "as")]
    #[schema(value_type = schemas::Resolution)]
    resolution: Resolution,
}

/// Decides about a message of which nobody knows whether it was sent. The same decision again changes nothing.
#[utoipa::path(
    post, path = "/v1/messages/{id}/resolve", tag = "messages", request_body = ResolveMessage,
    params(("id" = schemas::MessageId, Path, description = "The message.")),
    responses((status = 200, description = "The message as it now is.", body = MessageBody), NotFound, Conflict, Unprocessable)
)]
pub(crate) async fn resolve_message(
    State(api): State<Api>,
    caller: Caller,
    PathId(message): PathId<kind::Message>,
    JsonBody(request): JsonBody<ResolveMessage>,
) -> Result<Json<MessageBody>, Problem> {
    let (workspace, by, now) = (caller.workspace, caller.key, api.now());
    let decision = Decision { workspace, message, resolution: request.resolution, by, now };
    match api.store().resolve_message(decision).await? {
        ResolveOutcome::Resolved(message) => Ok(Json((*message).into())),
        ResolveOutcome::NotFound => Err(not_found::<kind::Message>()),
        ResolveOutcome::NotUnknown(state) => Err(Problem::MessageNotUnknown(state)),
    }
}
