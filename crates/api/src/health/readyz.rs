//! `GET /readyz`: whether requests can be served, with the name and the reason of whatever prevents it.

use std::time::Duration;

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{ProbeResult, api::Api};

/// How long the probes may take together.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether requests can be served.
#[derive(Serialize, ToSchema)]
pub(crate) struct Readiness {
    /// `ready`, `unready`, or `stopping`.
    status: &'static str,
    /// What was asked.
    probes: Vec<Probe>,
}

/// How one dependency is doing.
#[derive(Serialize, ToSchema)]
pub(crate) struct Probe {
    /// What was asked.
    name: String,
    /// Whether it is well.
    ok: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Whether requests can be served.
#[utoipa::path(
    get, path = "/readyz", tag = "health",
    responses(
        (status = 200, description = "They can.", body = Readiness),
        (status = 503, description = "They cannot; the failing probes say why.", body = Readiness),
    )
)]
pub(crate) async fn show_readiness(State(api): State<Api>) -> (StatusCode, Json<Readiness>) {
    let probes = match tokio::time::timeout(PATIENCE, api.readiness().probes()).await {
        Ok(probes) => probes,
        Err(_) => vec![ProbeResult::failed("probes", format!("no answer within {} seconds", PATIENCE.as_secs()))],
    };
    let status = if api.stop().is_cancelled() {
        "stopping"
    } else if probes.iter().all(|probe| probe.outcome.is_ok()) {
        "ready"
    } else {
        "unready"
    };
    let code = if status == "ready" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let probes = probes.into_iter().map(Probe::from).collect();
    (code, Json(Readiness { status, probes }))
}

impl From<ProbeResult> for Probe {
    fn from(result: ProbeResult) -> Self {
        Self { name: result.name, ok: result.outcome.is_ok(), reason: result.outcome.err() }
    }
}
