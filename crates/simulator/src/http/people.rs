//! The people who are written to.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
};
use paceline_domain::PhoneNumber;
use serde::{Deserialize, Serialize};

use super::{App, Problem, read_body, read_phone};
use crate::{AdminError, InboxItem, PersonView};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Writing {
    to: PhoneNumber,
    text: String,
}

#[derive(Serialize)]
pub(super) struct Written {
    id: String,
}

#[derive(Serialize)]
pub(super) struct Inbox {
    messages: Vec<InboxItem>,
}

pub(super) async fn show_person(State(app): State<App>, Path(e164): Path<String>) -> Result<Json<PersonView>, Problem> {
    Ok(Json(app.network.describe(&read_phone(&e164)?)))
}

pub(super) async fn write_as_person(
    State(app): State<App>,
    Path(e164): Path<String>,
    body: Bytes,
) -> Result<(StatusCode, Json<Written>), Problem> {
    let writing: Writing = read_body(&body)?;
    let id = app.network.person_writes(&read_phone(&e164)?, &writing.to, &writing.text)?;
    Ok((StatusCode::CREATED, Json(Written { id })))
}

pub(super) async fn list_inbox(State(app): State<App>, Path(e164): Path<String>) -> Result<Json<Inbox>, Problem> {
    let person = read_phone(&e164)?;
    let listed = tokio::task::spawn_blocking(move || app.network.list_inbox(&person)).await;
    let messages = listed.map_err(|_| AdminError::Broken)??;
    Ok(Json(Inbox { messages }))
}
