//! `GET /v1/session` and `DELETE /v1/session`.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header::SET_COOKIE},
    response::{IntoResponse, Response},
};
use paceline_domain::kind;

use super::{
    token::{SessionToken, no_cookie},
    view::CurrentSessionBody,
};
use crate::{
    api::Api,
    auth::Caller,
    params::not_found,
    problem::{NotFound, Problem},
};

/// Shows the session that asks. Whoever comes with an API key has none.
#[utoipa::path(
    get, path = "/v1/session", tag = "sign-in",
    responses((status = 200, description = "The session.", body = CurrentSessionBody), NotFound)
)]
pub(crate) async fn show_session(
    State(api): State<Api>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Json<CurrentSessionBody>, Problem> {
    let none = not_found::<kind::SignIn>;
    let token = caller.session.and_then(|_| SessionToken::of_cookie(&headers)).ok_or_else(none)?;
    let session = api.store().find_sign_in(token.sha256()).await?.ok_or_else(none)?;
    Ok(Json(CurrentSessionBody::new(&session, &token)))
}

/// Signs the browser that asks out.
#[utoipa::path(
    delete, path = "/v1/session", tag = "sign-in",
    responses((status = 204, description = "It is signed out."), NotFound)
)]
pub(crate) async fn end_session(
    State(api): State<Api>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let session = caller.session.ok_or(not_found::<kind::SignIn>())?;
    api.store().end_sign_in(caller.key, session).await?;
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, no_cookie(&headers))]).into_response())
}
