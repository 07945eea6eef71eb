//! `POST /v1/session`.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header::SET_COOKIE},
    response::{IntoResponse, Response},
};
use chrono::TimeDelta;
use paceline_domain::SignInKind;
use paceline_store::sign_ins::{NewSession, SignIn};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{token::SessionToken, view::CurrentSessionBody};
use crate::{
    ApiKeySecret,
    api::Api,
    body::JsonBody,
    problem::{FieldError, Problem, Unprocessable, problem_response},
};

/// How long a browser stays signed in.
const SESSION_LIFE: TimeDelta = TimeDelta::days(7);

/// What is exchanged for a session: exactly one of the two.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateSession {
    /// An API key.
    #[schema(example = "pl_…")]
    api_key: Option<String>,
    /// The token of a sign-in link.
    link: Option<String>,
}

/// No session is made of what is not known.
struct Refused;

impl utoipa::IntoResponses for Refused {
    fn responses() -> std::collections::BTreeMap<String, utoipa::openapi::RefOr<utoipa::openapi::Response>> {
        let refused = problem_response("The key is not known, or the link is over or was used before.");
        [("401".to_owned(), utoipa::openapi::RefOr::T(refused))].into()
    }
}

/// Signs a browser in: sets its cookie.
#[utoipa::path(
    post, path = "/v1/session", tag = "sign-in", request_body = CreateSession,
    responses((status = 201, description = "The session; its cookie is set.", body = CurrentSessionBody), Refused, Unprocessable)
)]
pub(crate) async fn create_session(
    State(api): State<Api>,
    headers: HeaderMap,
    JsonBody(request): JsonBody<CreateSession>,
) -> Result<Response, Problem> {
    let (token, now) = (SessionToken::generate(api.minter()), api.clock().real_now());
    let session = NewSession {
        id: api.minter().mint(now),
        hash: token.sha256(),
        created_at: now,
        expires_at: now + SESSION_LIFE,
    };
    let session = match (request.api_key, request.link) {
        (Some(key), None) => by_key(&api, &key, session).await?,
        (None, Some(link)) => by_link(&api, &link, session).await?,
        _ => return Err(FieldError::pointer("", "give either api_key or link").into()),
    };
    let cookie = token.to_cookie(&headers, now, session.expires_at);
    let body = Json(CurrentSessionBody::new(&session, &token));
    Ok((StatusCode::CREATED, [(SET_COOKIE, cookie)], body).into_response())
}

async fn by_key(api: &Api, key: &str, session: NewSession) -> Result<SignIn, Problem> {
    let secret = ApiKeySecret::parse(key.trim()).map_err(|error| FieldError::pointer("/api_key", error.to_string()))?;
    let found = api.store().find_api_key(secret.sha256()).await?;
    let key = found.ok_or(Problem::Unauthorized("The API key is not known."))?;
    let NewSession { id, hash, created_at, expires_at } = session;
    let session =
        SignIn { id, workspace: key.workspace, key: key.id, kind: SignInKind::Session, hash, created_at, expires_at };
    api.store().add_sign_in(session.clone()).await?;
    Ok(session)
}

async fn by_link(api: &Api, link: &str, session: NewSession) -> Result<SignIn, Problem> {
    const OVER: Problem =
        Problem::Unauthorized("The link is over or was used before; sign in with the API key, or take a new link.");
    let link = SessionToken::parse(link.trim()).ok_or(OVER)?;
    api.store().exchange_link(link.sha256(), session).await?.ok_or(OVER)
}
