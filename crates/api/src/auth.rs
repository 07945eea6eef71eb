//! Who calls: every `/v1` request carries an API key, or the cookie of a browser that signed in with one, and everything it reaches is
//! its workspace's.

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{
        HeaderMap, HeaderValue, Method,
        header::{AUTHORIZATION, CACHE_CONTROL},
        request::Parts,
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use paceline_domain::{ApiKeyId, SignInId, SignInKind, WorkspaceId};

use crate::{
    ApiKeySecret,
    api::Api,
    problem::Problem,
    sign_in::{CSRF_HEADER, SessionToken},
};

/// The workspace whose key the request carries. Present behind [`authenticate`] only.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller {
    pub(crate) workspace: WorkspaceId,
    /// The key itself, for what is to be known later: who decided.
    pub(crate) key: ApiKeyId,
    /// The session of a browser, where that is how the key was told.
    pub(crate) session: Option<SignInId>,
}

/// Lets a request pass that carries a known key. No answer to it is kept on the way: each may hold a secret, a number or a text.
pub(crate) async fn authenticate(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let mut response = match find_caller(&api, request.method(), request.headers()).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A request that says who it is is asked no further: a browser adds its cookie to whatever a page of ours sends, a key it never adds.
async fn find_caller(api: &Api, method: &Method, headers: &HeaderMap) -> Result<Caller, Problem> {
    if !headers.contains_key(AUTHORIZATION)
        && let Some(token) = SessionToken::of_cookie(headers)
    {
        return find_session(api, method, headers, &token).await;
    }
    let hash = presented_key(headers)?.sha256();
    let now = api.clock().real_now();
    if let Some(caller) = api.known().caller(&hash, now) {
        return Ok(caller);
    }
    let found = api.store().find_api_key(hash).await?;
    let key = found.ok_or(Problem::Unauthorized("The API key is not known."))?;
    let caller = Caller { workspace: key.workspace, key: key.id, session: None };
    api.known().keep_caller(hash, caller, now);
    Ok(caller)
}

/// The caller of a browser. What changes something also carries the token that only pages of ours can read.
async fn find_session(
    api: &Api,
    method: &Method,
    headers: &HeaderMap,
    token: &SessionToken,
) -> Result<Caller, Problem> {
    const ENDED: Problem = Problem::Unauthorized("The session is over; sign in again.");
    let found = api.store().find_sign_in(token.sha256()).await?.ok_or(ENDED)?;
    if found.kind != SignInKind::Session || found.expires_at <= api.clock().real_now() {
        return Err(ENDED);
    }
    let presented = headers.get(CSRF_HEADER).map(HeaderValue::as_bytes);
    if !method.is_safe() && !presented.is_some_and(|presented| token.is_csrf_token(presented)) {
        return Err(Problem::CsrfToken);
    }
    Ok(Caller { workspace: found.workspace, key: found.key, session: Some(found.id) })
}

fn presented_key(headers: &HeaderMap) -> Result<ApiKeySecret, Problem> {
    const MISSING: Problem = Problem::Unauthorized("The request carries no API key (Authorization: Bearer pl_…).");
    let value = headers.get(AUTHORIZATION).ok_or(MISSING)?;
    let text = value.to_str().map_err(|_| MISSING)?;
    let (scheme, token) = text.split_once(' ').ok_or(MISSING)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(MISSING);
    }
    ApiKeySecret::parse(token.trim()).map_err(|_| Problem::Unauthorized("The API key is not well-formed."))
}

impl FromRequestParts<Api> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<Self>().copied();
        caller.ok_or(Problem::Unauthorized("The request carries no API key (Authorization: Bearer pl_…)."))
    }
}
