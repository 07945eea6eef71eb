//! Our numbers, as the network and their phones see them.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};

use super::{App, Problem, read_body, read_phone};
use crate::SenderView;

#[derive(Serialize)]
pub(super) struct SenderList {
    senders: Vec<SenderView>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Acceptance {
    code: String,
}

pub(super) async fn list_senders(State(app): State<App>) -> Json<SenderList> {
    Json(SenderList { senders: app.network.list_senders() })
}

pub(super) async fn log_out_sender(State(app): State<App>, Path(e164): Path<String>) -> Result<StatusCode, Problem> {
    let position = app.network.log_out(&read_phone(&e164)?)?;
    app.network.registry.wait(position).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn accept_code(
    State(app): State<App>,
    Path(e164): Path<String>,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    let acceptance: Acceptance = read_body(&body)?;
    let position = app.network.accept_code(&read_phone(&e164)?, &acceptance.code)?;
    app.network.registry.wait(position).await?;
    Ok(StatusCode::NO_CONTENT)
}
