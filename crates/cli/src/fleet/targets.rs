//! Where the workers' own metrics are, for Prometheus: its HTTP service discovery reads this list.
//! <https://prometheus.io/docs/prometheus/latest/http_sd/>

use std::sync::Arc;

use axum::{Json, Router, http::StatusCode, routing::get};
use paceline_api::OperationsDeps;
use paceline_store::fleet::FleetStore;
use serde_json::{Value, json};

use crate::{front::Front, readiness::Readiness, setup::Setup};

/// Health, readiness, metrics, and `GET /workers/targets`.
pub(super) fn router(front: &Front, setup: &Setup, readiness: Arc<Readiness>, store: Arc<dyn FleetStore>) -> Router {
    let deps = OperationsDeps { metrics: Arc::clone(&setup.metrics), readiness, stop: front.draining.clone() };
    let host = setup.worker.host.clone();
    let list = move || async move { list_targets(store.as_ref(), &host).await };
    paceline_api::with_refusals(paceline_api::operations_router(deps).route("/workers/targets", get(list)))
}

/// The workers of this machine, one target each.
async fn list_targets(store: &dyn FleetStore, host: &str) -> Result<Json<Value>, StatusCode> {
    let workers = store.list_workers().await.map_err(|error| {
        tracing::warn!(%error, "the workers cannot be listed");
        StatusCode::SERVICE_UNAVAILABLE
    })?;
    let here = workers.into_iter().map(|view| view.report).filter(|report| report.host == host);
    let targets = here.filter_map(|report| {
        let listen = report.listen?;
        let labels = json!({ "worker": report.id, "host": report.host });
        Some(json!({ "targets": [listen], "labels": labels }))
    });
    Ok(Json(targets.collect()))
}
