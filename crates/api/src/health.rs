//! What an operator's tools read: alive, ready, metrics, and the OpenAPI document. None of them needs a key.

use async_trait::async_trait;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::api::Api;

mod healthz;
mod metrics;
mod openapi;
mod readyz;

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

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(healthz::show_health))
        .routes(routes!(readyz::show_readiness))
        .routes(routes!(metrics::show_metrics))
        .routes(routes!(openapi::show_openapi))
}
