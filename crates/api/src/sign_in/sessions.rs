//! `GET /v1/sessions` and `DELETE /v1/sessions/{id}`.

use axum::{Json, extract::State, http::StatusCode};
use paceline_domain::kind;
use serde::Serialize;
use utoipa::ToSchema;

use super::view::SessionBody;
use crate::{
    api::Api,
    auth::Caller,
    params::{PathId, not_found},
    problem::{NotFound, Problem},
    schemas,
};

/// The sessions of a key.
#[derive(Serialize, ToSchema)]
pub(crate) struct Sessions {
    /// Oldest first.
    items: Vec<SessionBody>,
}

/// Lists where somebody is signed in with the key that asks.
#[utoipa::path(
    get, path = "/v1/sessions", tag = "sign-in",
    responses((status = 200, description = "The sessions that are not over.", body = Sessions))
)]
pub(crate) async fn list_sessions(State(api): State<Api>, caller: Caller) -> Result<Json<Sessions>, Problem> {
    let sessions = api.store().list_sessions(caller.key, api.clock().real_now()).await?;
    let items = sessions.iter().map(|session| SessionBody::new(session, caller.session)).collect();
    Ok(Json(Sessions { items }))
}

/// Ends a session of the key that asks.
#[utoipa::path(
    delete, path = "/v1/sessions/{id}", tag = "sign-in", 
    params(("id" = schemas::SignInId, Path, description = "The session.")),
    responses((status = 204, description = "It is over."), NotFound)
)]
pub(crate) async fn end_session_by_id(
    State(api): State<Api>,
    caller: Caller,
    PathId(id): PathId<kind::SignIn>,
) -> Result<StatusCode, Problem> {
    let ended = api.store().end_sign_in(caller.key, id).await?;
    if ended { Ok(StatusCode::NO_CONTENT) } else { Err(not_found::<kind::SignIn>()) }
}
