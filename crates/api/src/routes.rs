//! All routes, with the layers around them.
//!
//! From the outside in: observation (id, log line, metrics, problem bodies); for `/v1` the API key, then idempotency; the
//! handler.

use axum::{Router, middleware::from_fn_with_state};
use utoipa_axum::router::OpenApiRouter;

use crate::{
    ApiDeps, api::Api, auth, campaigns, dead_letters, document, endpoints, events, fleet, health, idempotency,
    messages, observe, problem::Problem, senders, suppressions, workspace,
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
    let routes: Router<Api> = health::routes().merge(guarded).into();
    routes
        .fallback(async || Problem::NoSuchRoute)
        .method_not_allowed_fallback(async || Problem::MethodNotAllowed)
        .layer(from_fn_with_state(api.clone(), observe::observe))
        .with_state(api)
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
}
