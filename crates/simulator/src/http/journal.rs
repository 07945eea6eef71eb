//! The journal, as it stands in its file: only lines that are durable.

use axum::{
    Json,
    body::Body,
    extract::{Query, State},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio_util::io::ReaderStream;

use super::{App, Problem};
use crate::JournalSummary;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Range {
    /// Lines up to this number are left out.
    #[serde(default)]
    after: u64,
}

pub(super) async fn list_journal(State(app): State<App>, Query(range): Query<Range>) -> Result<Response, Problem> {
    let journal = &app.network.journal;
    let end = journal.durable_end()?;
    let file = tokio::fs::File::open(journal.path()).await?;
    let mut lines = BufReader::with_capacity(1 << 16, file.take(end));
    let mut skipped = Vec::new();
    for _ in 0..range.after {
        skipped.clear();
        if lines.read_until(b'\n', &mut skipped).await? == 0 {
            break;
        }
    }
    let body = Body::from_stream(ReaderStream::with_capacity(lines, 1 << 16));
    Ok(([("content-type", "application/x-ndjson")], body).into_response())
}

pub(super) async fn show_summary(State(app): State<App>) -> Json<JournalSummary> {
    Json(app.network.summary())
}
