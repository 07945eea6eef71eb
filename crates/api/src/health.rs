//! What an operator's tools read: alive, ready, metrics, and the OpenAPI document. None of them needs a key.
//!
//! Every process serves the first three, also one that has no API: the same handlers, in a router of their own.

use std::sync::Arc;

use async_trait::async_trait;
use axum::{Router, extract::FromRef};
use paceline_telemetry::Metrics;
use tokio_util::sync::CancellationToken;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{api::Api, problem::Problem};

mod healthz;
mod metrics;
mod openapi;
mod readyz;
mod senders;

/// How one thing that the installation depends on is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeResult {
    /// What was asked: `database`, `broker`, `schema`, …
    pub name: String,
    /// Nothing when it is well, else why it is not, for an operator and without secrets.
    pub outcome: Result<(), String>,
}

impl ProbeResult {
    /// It is well.
    pub fn ok(name: impl Into<String>) -> Self {
        Self { name: name.into(), outcome: Ok(()) }
    }

    /// It is not.
    pub fn failed(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { name: name.into(), outcome: Err(reason.into()) }
    }
}

/// Asks everything that the installation depends on.
#[async_trait]
pub trait ReadinessProbe: Send + Sync {
    /// One result for each dependency. Answers within a few seconds; `/readyz` gives up after five.
    async fn probes(&self) -> Vec<ProbeResult>;
}

/// What `/healthz`, `/readyz` and `/metrics` are made of.
#[derive(Clone)]
pub struct OperationsDeps {
    /// Shown at `/metrics`.
    pub metrics: Arc<Metrics>,
    /// Asked by `/readyz`.
    pub readiness: Arc<dyn ReadinessProbe>,
    /// Turns `/readyz` to 503. Whoever cancels it goes on serving for as long as others need to see that.
    pub stop: CancellationToken,
}

impl std::fmt::Debug for OperationsDeps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OperationsDeps").field("stop", &self.stop.is_cancelled()).finish_non_exhaustive()
    }
}

/// `/healthz`, `/readyz` and `/metrics` alone, for a process without an API. It has no fallback, so that it can be merged
/// into a router that has other pages.
pub fn operations_router(deps: OperationsDeps) -> Router {
    Router::from(operations()).with_state(deps)
}

/// The same pages for a process whose database is not open yet: whoever asks the API is told to come again.
pub fn waiting_router(deps: OperationsDeps) -> Router {
    let api = Router::new().fallback(async || Problem::Starting);
    with_refusals(operations_router(deps).nest("/v1", api))
}

/// A router without a page.
pub fn no_pages() -> Router {
    with_refusals(Router::new())
}

/// Has whatever the router does not know refused by a problem. A [`crate::Server`] writes its body.
pub fn with_refusals(router: Router) -> Router {
    router.fallback(async || Problem::NoSuchRoute).method_not_allowed_fallback(async || Problem::MethodNotAllowed)
}

/// Every route of the API that needs no key.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    operations().routes(routes!(openapi::show_openapi)).routes(routes!(senders::show_sender_metrics))
}

fn operations<S>() -> OpenApiRouter<S>
where
    OperationsDeps: FromRef<S>,
    S: Clone + Send + Sync + 'static,
{
    OpenApiRouter::default()
        .routes(routes!(healthz::show_health))
        .routes(routes!(readyz::show_readiness))
        .routes(routes!(metrics::show_metrics))
}
