//! `GET /metrics`: the registry in the Prometheus text format.

use axum::{
    extract::State,
    http::{HeaderName, header::CONTENT_TYPE},
};

use crate::OperationsDeps;

/// The process's metrics.
#[utoipa::path(
    get, path = "/metrics", tag = "health",
    responses((status = 200, description = "Prometheus text format.", body = String, content_type = "text/plain"))
)]
pub(crate) async fn show_metrics(State(deps): State<OperationsDeps>) -> ([(HeaderName, &'static str); 1], String) {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], deps.metrics.render())
}
