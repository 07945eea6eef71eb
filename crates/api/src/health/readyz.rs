//! `GET /readyz`: whether the process can do its work, with the name and the reason of whatever prevents it.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header::RETRY_AFTER},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{OperationsDeps, ProbeResult, problem::RETRY_SECONDS};

/// How long the probes may take together.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether the process can do its work.
#[derive(Serialize, ToSchema)]
pub(crate) struct Readiness {
    /// Where it stands.
    status: Status,
    /// What was asked.
    probes: Vec<Probe>,
}

/// Where a process stands.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ReadinessStatus)]
pub(crate) enum Status {
    /// It can do its work.
    Ready,
    /// Something that it depends on is away.
    Unready,
    /// It finishes what is in hand and takes nothing new; nothing else was asked.
    Stopping,
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

/// Whether the process can do its work.
#[utoipa::path(
    get, path = "/readyz", tag = "health",
    responses(
        (status = 200, description = "It can.", body = Readiness),
        (status = 503, description = "It cannot, or it is stopping; the failing probes say why.", body = Readiness),
    )
)]
pub(crate) async fn show_readiness(State(deps): State<OperationsDeps>) -> (StatusCode, HeaderMap, Json<Readiness>) {
    let (status, probes) = ask(&deps).await;
    let code = if status == Status::Ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut headers = HeaderMap::new();
    // A process that is stopping does not come back: there is nothing to try again.
    if status == Status::Unready {
        headers.insert(RETRY_AFTER, HeaderValue::from(RETRY_SECONDS));
    }
    let probes = probes.into_iter().map(Probe::from).collect();
    (code, headers, Json(Readiness { status, probes }))
}

/// Where the process stands. A stop is told at once, however long the probes take.
async fn ask(deps: &OperationsDeps) -> (Status, Vec<ProbeResult>) {
    let probes = tokio::select! {
        biased;
        () = deps.stop.cancelled() => {
            let reason = "it is stopping: what is in hand is finished, nothing new is taken";
            return (Status::Stopping, vec![ProbeResult::failed("process", reason)]);
        }
        probes = tokio::time::timeout(PATIENCE, deps.readiness.probes()) => probes,
    };
    let probes = probes.unwrap_or_else(|_| {
        vec![ProbeResult::failed("probes", format!("no answer within {} seconds", PATIENCE.as_secs()))]
    });
    let well = probes.iter().all(|probe| probe.outcome.is_ok());
    (if well { Status::Ready } else { Status::Unready }, probes)
}

impl From<ProbeResult> for Probe {
    fn from(result: ProbeResult) -> Self {
        Self { name: result.name, ok: result.outcome.is_ok(), reason: result.outcome.err() }
    }
}
