//! `POST /v1/campaigns/{id}/recipients`: a file of recipients, streamed, all or nothing.
//!
//! Three stages run side by side, joined by short channels, so that memory does not grow with the file: the body is pumped
//! to a blocking thread, which reads rows and phone numbers, and whose batches are appended. Whichever stage fails ends the
//! others, and the upload is aborted.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Request, State},
    http::{
        HeaderMap,
        header::{CONTENT_LENGTH, EXPECT},
    },
};
use paceline_domain::{CampaignId, UploadId, kind};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::find;
use crate::{
    api::Api,
    auth::Caller,
    body::{media_type, require_identity},
    ids::IdSource,
    params::{Params, PathId},
    problem::{Conflict, NotFound, PayloadTooLarge, Problem, Unprocessable, UnsupportedMediaType},
    schemas,
};

mod append;
pub(super) mod check;
mod pump;
mod refusal;
mod rows;
mod upload;

use upload::File;

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
    upload_id: UploadId,
    /// The campaign.
    #[schema(value_type = schemas::CampaignId)]
    campaign_id: CampaignId,
    /// Rows in all.
    rows: i64,
    /// Rows accepted; planning decides about them.
    accepted: i64,
    /// Rows excluded, by reason.
    excluded: BTreeMap<String, i64>,
    /// How the file was read; `null` where the answer to an earlier request was lost.
    read_as: Option<ReadAs>,
    /// The variables that this upload provides.
    columns: Vec<String>,
    /// The first 100 rows that were excluded. The campaign's exclusions list them all.
    errors: Vec<RowError>,
}

/// How a file was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ReadAs {
    /// The encoding, by its name in the WHATWG Encoding Standard: as declared by the charset of `Content-Type`, by a byte-order mark, or
    /// as all of the file suggests.
    encoding: String,
    /// The character between the cells of a CSV file.
    #[schema(value_type = Option<String>)]
    delimiter: Option<char>,
    /// The phone column of a CSV file.
    phone_column: Option<String>,
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

/// Adds recipients to a draft.
///
/// The body is CSV, NDJSON, or a JSON array of `{"phone": …, "variables": {…}}`, and is streamed. Several uploads add up; each is
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
    (place, params): (Result<PathId<kind::Campaign>, Problem>, Result<Params<AddRecipients>, Problem>),
    request: Request,
) -> Result<Json<UploadBody>, Problem> {
    let (parts, body) = request.into_parts();
    let (headers, mut body) = (parts.headers, body.into_data_stream());
    let upload = async {
        let (PathId(id), Params(params)) = (place?, params?);
        refuse_at_sight(&headers, api.options().max_upload_bytes)?;
        let campaign = find(&api, caller, id).await?;
        let file = File { headers: &headers, phone_column: params.phone_column, body: &mut body };
        upload::add(&api, &campaign, ids.mint(api.now()), file).await
    };
    let uploaded = upload.await;
    // Who asks before sending has sent nothing yet.
    if uploaded.is_err() && !headers.contains_key(EXPECT) {
        pump::drain(&mut body).await;
    }
    uploaded.map(Json)
}

/// Refuses what its headers betray: a form is no file. Any other type is judged by how the file begins.
fn refuse_at_sight(headers: &HeaderMap, limit: u64) -> Result<(), Problem> {
    if media_type(headers).is_some_and(|kind| kind.starts_with("multipart/")) {
        let expected = "text/csv, application/x-ndjson or application/json, with the file itself as the body";
        return Err(Problem::UnsupportedMediaType { expected });
    }
    require_identity(headers)?;
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
    if length.is_some_and(|length: u64| length > limit) { Err(Problem::TooLarge { limit }) } else { Ok(()) }
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
