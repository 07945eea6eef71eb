//! `POST /v1/campaigns/{id}/recipients`: a file of recipients, streamed, all or nothing.
//!
//! Three stages run side by side, joined by short channels, so that memory does not grow with the file: the body is pumped
//! to a blocking thread, which reads rows and phone numbers, and whose batches are appended. Whichever stage fails ends the
//! others, and the upload is aborted.

use std::{collections::BTreeMap, time::Duration};

use axum::{
    Json,
    body::Body,
    extract::State,
    http::{HeaderMap, header::CONTENT_TYPE},
};
use paceline_audience::{AudienceOptions, AudienceRefusal, Region};
use paceline_domain::{CampaignId, UploadId, kind};
use paceline_store::{
    campaigns::Campaign,
    recipients::{OpenUpload, UploadOpening, UploadSummary},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use utoipa::{IntoParams, ToSchema};

use super::find;
use crate::{
    api::Api,
    auth::Caller,
    body::media_type,
    ids::IdSource,
    params::{Params, PathId, not_found},
    phones,
    problem::{Conflict, NotFound, PayloadTooLarge, Problem, Unprocessable, UnsupportedMediaType},
    schemas,
};

mod append;
mod pump;
mod rows;

use append::append;
use rows::{RowReading, RowsRead};

/// How long an upload stays open without an append, in real time.
const TTL: Duration = Duration::from_mins(1);

/// How many row errors an answer shows.
const SHOWN_ERRORS: usize = 100;

/// How the file is to be read.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AddRecipients {
    /// The phone column of a CSV file; the campaign's unless named.
    phone_column: Option<String>,
}

/// What an upload brought.
#[derive(Serialize, ToSchema)]
#[schema(as = Upload)]
pub(crate) struct UploadBody {
    /// Its id.
    #[schema(value_type = schemas::UploadId)]
    upload: UploadId,
    /// The campaign.
    #[schema(value_type = schemas::CampaignId)]
    campaign: CampaignId,
    /// Rows in all.
    rows: i64,
    /// Rows accepted; planning decides about them.
    accepted: i64,
    /// Rows excluded, by reason.
    excluded: BTreeMap<String, i64>,
    /// The variables that this upload provides.
    columns: Vec<String>,
    /// The first 100 rows that were excluded. The campaign's exclusions list them all.
    errors: Vec<RowError>,
}

/// A row that was excluded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct RowError {
    /// The row's number, from 1 over all uploads to the campaign.
    row: i64,
    /// The line of this file on which it starts, from 1.
    line: u64,
    /// `malformed_row`, `invalid_phone` or `duplicate`.
    reason: &'static str,
    /// The reason in words.
    detail: String,
}

/// Adds recipients to a draft: CSV, NDJSON, or a JSON array of `{"phone": …, "variables": {…}}`. Several uploads add up; each is
/// kept whole or not at all. A bad row is excluded with its reason and fails nothing.
#[utoipa::path(
    post, path = "/v1/campaigns/{id}/recipients", tag = "campaigns",
    params(("id" = schemas::CampaignId, Path, description = "The campaign."), AddRecipients),
    request_body(
        content(
            (String = "text/csv", example = "phone,name\n+15550199,Ada\n"),
            (String = "application/x-ndjson", example = "{\"phone\": \"+15550199\", \"variables\": {\"name\": \"Ada\"}}\n"),
            (Vec<RecipientRow> = "application/json")
        ),
        description = "The file."
    ),
    responses(
        (status = 200, description = "The upload was kept.", body = UploadBody),
        NotFound, Conflict, PayloadTooLarge, UnsupportedMediaType, Unprocessable,
    )
)]
pub(crate) async fn add_recipients(
    State(api): State<Api>,
    (caller, ids): (Caller, IdSource),
    PathId(id): PathId<kind::Campaign>,
    Params(params): Params<AddRecipients>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<UploadBody>, Problem> {
    refuse_media_type(&headers)?;
    let campaign = find(&api, caller, id).await?;
    let upload: UploadId = ids.mint(api.now());
    let open = match api.store().open_upload(caller.workspace, id, upload, TTL).await? {
        UploadOpening::Opened(open) => open,
        // The answer was lost in a crash, and with it the list of row errors; the exclusions have them.
        UploadOpening::Committed(summary) => {
            return Ok(Json(answer(&campaign, upload, summary, campaign.columns.clone(), vec![])));
        }
        UploadOpening::NotFound => return Err(not_found::<kind::Campaign>()),
        UploadOpening::NotDraft(state) => return Err(Problem::CampaignNotDraft(state)),
        UploadOpening::Busy => return Err(Problem::UploadInProgress),
    };
    let uploading = Uploading { api: &api, caller, campaign: &campaign, open };
    let kept = uploading.run(params.phone_column, &headers, body).await;
    if kept.is_err()
        && let Err(error) = api.store().abort_upload(open).await
    {
        // Its rows are invisible, and the sweeper removes them once its time is over.
        tracing::warn!(campaign.id = %id, error = %error, "an upload could not be aborted");
    }
    let (summary, columns, errors) = kept?;
    Ok(Json(answer(&campaign, upload, summary, columns, errors)))
}

/// One recipient of a JSON array.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the rows of a JSON upload in the document; they are read as a stream")]
pub(crate) struct RecipientRow {
    /// The phone number, as people write it.
    phone: String,
    /// The template's variables.
    variables: Option<BTreeMap<String, Value>>,
}

/// An upload in progress.
struct Uploading<'a> {
    api: &'a Api,
    caller: Caller,
    campaign: &'a Campaign,
    open: OpenUpload,
}

impl Uploading<'_> {
    async fn run(
        &self,
        phone_column: Option<String>,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<(UploadSummary, Vec<String>, Vec<RowError>), Problem> {
        let reading = self.reading(phone_column, headers).await?;
        let (bytes_in, bytes_out) = mpsc::channel(16);
        let (batches_in, batches_out) = mpsc::channel(2);
        let reader = tokio::task::spawn_blocking(move || reading.read(bytes_out, &batches_in));
        let (pumped, appended) = tokio::join!(
            pump::pump(body, bytes_in, self.api.options().max_upload_bytes),
            append(self.api.store(), self.open, batches_out),
        );
        let read = reader.await.map_err(Problem::internal)?;
        // In this order: a stage that ends early makes the one before it end early, not the other way round; a body that
        // broke off, though, is also seen by the reader.
        pumped?;
        let errors = appended?;
        let RowsRead { rows, columns } = read.map_err(|refusal| self.refusal(refusal))?;
        if rows == 0 {
            let detail = "the file has no rows; it needs one row per recipient".to_owned();
            return Err(Problem::UnreadableAudience { detail, found: reason("no_rows") });
        }
        let summary = self.api.store().commit_upload(self.open, columns.clone()).await?;
        Ok((summary, columns, errors))
    }

    async fn reading(&self, phone_column: Option<String>, headers: &HeaderMap) -> Result<RowReading, Problem> {
        let limit = self.api.options().max_recipients;
        let taken = u64::try_from(self.open.first_row - 1).unwrap_or(0);
        let definition = &self.campaign.definition;
        Ok(RowReading {
            content_type: headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned),
            options: AudienceOptions {
                phone_column: phone_column.or_else(|| definition.phone_column.clone()),
                max_rows: limit.saturating_sub(taken),
                ..AudienceOptions::default()
            },
            // Checked when the campaign was made.
            region: definition.default_region.as_deref().and_then(|region| Region::parse(region).ok()),
            key: phones::workspace_key(self.api, self.caller).await?,
            first_row: self.open.first_row,
        })
    }

    fn refusal(&self, refusal: AudienceRefusal) -> Problem {
        let detail = refusal.to_string();
        let found = match refusal {
            AudienceRefusal::TooManyRows { .. } => {
                return Problem::TooManyRecipients { limit: self.api.options().max_recipients };
            }
            AudienceRefusal::Unreadable(_) => return Problem::UnreadableBody,
            AudienceRefusal::Empty => reason("empty"),
            AudienceRefusal::NotText { found, .. } => found_instead("not_text", found),
            AudienceRefusal::NoPhoneColumn { wanted, found, .. } => {
                let mut members = found_instead("no_phone_column", &found);
                members.insert("wanted".to_owned(), json!(wanted));
                members
            }
            AudienceRefusal::DuplicateColumn { name } => found_instead("duplicate_column", &name),
            AudienceRefusal::TooManyColumns { found, .. } => found_instead("too_many_columns", &found.to_string()),
            AudienceRefusal::HeaderTooLong { .. } => reason("header_too_long"),
            AudienceRefusal::NotAnArray { found } => found_instead("not_an_array", &found.to_string()),
            AudienceRefusal::UnfinishedArray { line } => found_instead("unfinished_array", &format!("line {line}")),
        };
        Problem::UnreadableAudience { detail, found }
    }
}

fn reason(word: &str) -> Map<String, Value> {
    Map::from_iter([("reason".to_owned(), json!(word))])
}

fn found_instead(word: &str, found: &str) -> Map<String, Value> {
    let mut members = reason(word);
    members.insert("found".to_owned(), json!(found));
    members
}

fn answer(
    campaign: &Campaign,
    upload: UploadId,
    summary: UploadSummary,
    columns: Vec<String>,
    errors: Vec<RowError>,
) -> UploadBody {
    let UploadSummary { rows, accepted, excluded } = summary;
    UploadBody { upload, campaign: campaign.id, rows, accepted, excluded, columns, errors }
}

/// A form is no file; any other type is judged by how the file begins.
fn refuse_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    match media_type(headers) {
        Some(kind) if kind.starts_with("multipart/") => {
            let expected = "text/csv, application/x-ndjson or application/json, with the file itself as the body";
            Err(Problem::UnsupportedMediaType { expected })
        }
        _ => Ok(()),
    }
}
