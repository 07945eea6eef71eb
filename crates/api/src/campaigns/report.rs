//! `GET /v1/campaigns/{id}/report`: every row of the audience exactly once, as CSV, streamed.

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::header::{CONTENT_DISPOSITION, CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use paceline_domain::kind;
use tokio::sync::mpsc;
use tracing::Instrument;

use super::find;
use crate::{
    api::Api,
    auth::Caller,
    params::PathId,
    problem::{NotFound, Problem},
    schemas,
};

mod line;
mod once;
mod writer;

use writer::{Interrupted, ReportWriter};

/// Downloads what became of every row, as CSV.
///
/// Its columns are `row`, `phone`, `bucket` (a bucket of the account, `excluded`, `undecided`, or `unplanned` where the campaign was cancelled before that row), `state`,
/// `reason`, `detail`, `sender`, `message`, `attempts`, and the times.
#[utoipa::path(
    get, path = "/v1/campaigns/{id}/report", tag = "campaigns",
    params(("id" = schemas::CampaignId, Path, description = "The campaign.")),
    responses((status = 200, description = "The report.", body = String, content_type = "text/csv"), NotFound)
)]
pub(crate) async fn show_report(
    State(api): State<Api>,
    caller: Caller,
    PathId(id): PathId<kind::Campaign>,
) -> Result<Response, Problem> {
    let campaign = find(&api, caller, id).await?;
    let (pages, received) = mpsc::channel::<Result<Bytes, Interrupted>>(2);
    let writing = async move {
        let written = ReportWriter::new(api.shared_store(), campaign, pages.clone()).write().await;
        if let Err(interrupted) = written {
            tracing::warn!(campaign.id = %id, error = %interrupted, "a report broke off");
            // The client must see that the report is not whole.
            let _ = pages.send(Err(interrupted)).await;
        }
    };
    tokio::spawn(writing.in_current_span());
    let pages = stream::unfold(received, |mut received| async move { Some((received.recv().await?, received)) });
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{id}.csv\"")),
    ];
    Ok((headers, Body::from_stream(pages)).into_response())
}
