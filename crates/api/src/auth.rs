//! Who calls: every `/v1` request carries an API key, and everything it reaches is its workspace's.

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{
        HeaderMap, HeaderValue,
        header::{AUTHORIZATION, CACHE_CONTROL},
        request::Parts,
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use paceline_domain::{ApiKeyId, WorkspaceId};

use crate::{ApiKeySecret, api::Api, problem::Problem};

/// The workspace whose key the request carries. Present behind [`authenticate`] only.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller {
    pub(crate) workspace: WorkspaceId,
    /// The key itself, for what is to be known later: who decided.
    pub(crate) key: ApiKeyId,
}

/// Lets a request pass that carries a known key. No answer to it is kept on the way: each may hold a secret, a number or a text.
pub(crate) async fn authenticate(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let mut response = match find_caller(&api, request.headers()).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn find_caller(api: &Api, headers: &HeaderMap) -> Result<Caller, Problem> {
    let key = presented_key(headers)?;
    let found = api.store().find_api_key(key.sha256()).await?;
    let key = found.ok_or(Problem::Unauthorized("The API key is not known."))?;
    Ok(Caller { workspace: key.workspace, key: key.id })
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
