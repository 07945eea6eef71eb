//! All routes, with the layers around them.
//!
//! From the outside in: observation (id, log line, metrics, problem bodies); for `/v1` the API key, then idempotency; the
//! handler.

use axum::{
    Router, extract::Request, http::header::ACCEPT, middleware::from_fn_with_state, response::IntoResponse as _,
};
use tower::ServiceExt as _;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    ApiDeps, api::Api, auth, campaigns, dead_letters, document, endpoints, events, fleet, health, idempotency,
    messages, observe, problem::Problem, senders, sign_in, suppressions, workspace,
};

/// The API as a service: every route, authenticated, idempotent, observed.
///
/// # Panics
/// When two handlers claim one route: a defect that the first start shows.
pub fn router(deps: ApiDeps) -> Router {
    let document = document::openapi().to_json().unwrap_or_default();
    let api = Api::new(deps, document);
    let guarded = guarded()
        .layer(from_fn_with_state(api.clone(), idempotency::run_once))
        .layer(from_fn_with_state(api.clone(), auth::authenticate));
    let pages = api.pages();
    let routes: Router<Api> = health::routes().merge(sign_in::open_routes()).merge(guarded).into();
    routes
        .fallback(async move |request: Request| match pages {
            Some(pages) if is_of_a_page(&request) => pages.oneshot(request).await.into_response(),
            _ => Problem::NoSuchRoute.into_response(),
        })
        .method_not_allowed_fallback(async || Problem::MethodNotAllowed)
        .layer(from_fn_with_state(api.clone(), observe::observe))
        .with_state(api)
}

/// Whether a browser asks for a page of the console or for a part of one, and not a program for something that the API lacks.
fn is_of_a_page(request: &Request) -> bool {
    let path = request.uri().path();
    let accepts_pages = || {
        let accepts = request.headers().get_all(ACCEPT).iter();
        accepts.filter_map(|value| value.to_str().ok()).any(|value| value.contains("text/html"))
    };
    request.method().is_safe()
        && !path.starts_with("/v1/")
        && (path == "/" || path.starts_with("/assets/") || accepts_pages())
}

/// The routes that need a key.
pub(crate) fn guarded() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .merge(senders::routes())
        .merge(campaigns::routes())
        .merge(messages::routes())
        .merge(suppressions::routes())
        .merge(endpoints::routes())
        .merge(events::routes())
        .merge(fleet::routes())
        .merge(dead_letters::routes())
        .merge(workspace::routes())
        .merge(sign_in::routes())
}
