//! Causing and ending faults.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
};
use serde::Serialize;

use super::{App, Problem, read_body};
use crate::{FaultId, FaultRequest, FaultView};

#[derive(Serialize)]
pub(super) struct Added {
    id: FaultId,
}

#[derive(Serialize)]
pub(super) struct Faults {
    faults: Vec<FaultView>,
}

pub(super) async fn add_fault(State(app): State<App>, body: Bytes) -> Result<(StatusCode, Json<Added>), Problem> {
    let request: FaultRequest = read_body(&body)?;
    let id = app.network.add_fault(request).map_err(|error| Problem::invalid(error.to_string()))?;
    Ok((StatusCode::CREATED, Json(Added { id })))
}

pub(super) async fn list_faults(State(app): State<App>) -> Json<Faults> {
    Json(Faults { faults: app.network.list_faults() })
}

pub(super) async fn clear_faults(State(app): State<App>) -> StatusCode {
    app.network.clear_faults();
    StatusCode::NO_CONTENT
}

pub(super) async fn remove_fault(State(app): State<App>, Path(id): Path<FaultId>) -> Result<StatusCode, Problem> {
    if app.network.remove_fault(id) {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Problem { status: StatusCode::NOT_FOUND, slug: "unknown-fault", detail: "no such fault".to_owned() })
}
