//! `GET /healthz`: the process answers. Nothing else is asked, so that a database that is away does not restart it.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

/// The process is alive.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// Always `alive`.
    status: &'static str,
}

/// Whether the process is alive.
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, description = "It is.", body = Health)))]
pub(crate) async fn show_health() -> Json<Health> {
    Json(Health { status: "alive" })
}
