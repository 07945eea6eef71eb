//! `POST /v1/audience/check`: what a file would bring, without keeping any of it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use axum::{
    Json,
    body::BodyDataStream,
    extract::{Request, State},
    http::{HeaderMap, header::EXPECT},
};
use paceline_audience::{AudienceOptions, ColumnNames, Late, Region, Template, Variables, VariantKey};
use paceline_domain::{AddressHash, CampaignId, Exclusion};
use paceline_store::recipients::UploadRow;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{self, Receiver};
use utoipa::{IntoParams, ToSchema};

use super::{
    ReadAs, RecipientRow, RowError, SHOWN_ERRORS, pump, refusal, refuse_at_sight,
    rows::{Batch, RowReading, RowsRead},
};
use crate::{
    api::Api,
    auth::Caller,
    campaigns::{definition, preview::TemplateMistake, view::detail},
    params::Params,
    phones,
    problem::{PayloadTooLarge, Problem, Unprocessable, UnsupportedMediaType},
    validate::Checks,
};

/// How many texts are shown.
const TEXTS: usize = 3;

/// How long rendering them may take together, in real time.
const PATIENCE: Duration = Duration::from_secs(2);

/// How the file is to be read.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CheckAudience {
    /// The phone column of a CSV file; `phone` unless named.
    phone_column: Option<String>,
    /// The region (ISO 3166-1 alpha-2) of numbers without a country code.
    default_region: Option<String>,
    /// The template that the texts are rendered with; without one there are none.
    template: Option<String>,
}

/// What a file would bring.
#[derive(Serialize, ToSchema)]
#[schema(as = AudienceCheck)]
pub(crate) struct AudienceCheckBody {
    /// Rows in all.
    rows: i64,
    /// Rows that would be accepted; planning decides about them, for one by what people asked for.
    accepted: i64,
    /// Rows that would be excluded, by reason.
    excluded: BTreeMap<String, i64>,
    /// How the file was read.
    read_as: ReadAs,
    /// The variables that the file provides.
    columns: Vec<String>,
    /// How a template may name columns whose names are no identifiers, by the column's name.
    aliases: BTreeMap<String, String>,
    /// The variables that the template needs and no column provides.
    missing_variables: Vec<String>,
    /// What in the template would be sent as it stands and is likely meant for a column.
    mistakes: Vec<TemplateMistake>,
    /// The first three texts. Who sees which variant is drawn anew for each campaign.
    texts: Vec<CheckedText>,
    /// The first 100 rows that would be excluded.
    errors: Vec<RowError>,
}

/// What a row would be sent.
#[derive(Serialize, ToSchema)]
pub(crate) struct CheckedText {
    /// The row's number, from 1.
    row: i64,
    /// The phone, as it would be written to.
    phone: Option<String>,
    /// The text; `null` where there is none.
    text: Option<String>,
    /// Why there is none.
    detail: Option<String>,
}

/// Reads a file of recipients as an upload does, and keeps nothing.
///
/// The body is what `POST /v1/campaigns/{id}/recipients` takes. The answer says how it was read, which rows would be excluded and why, and
/// what the first would be sent.
#[utoipa::path(
    post, path = "/v1/audience/check", tag = "campaigns",
    params(CheckAudience),
    request_body(
        content(
            (String = "text/csv", example = "phone,name\n+15550199,Ada\n"),
            (String = "application/x-ndjson", example = "{\"phone\": \"+15550199\", \"variables\": {\"name\": \"Ada\"}}\n"),
            (Vec<RecipientRow> = "application/json")
        ),
        description = "The file."
    ),
    responses(
        (status = 200, description = "What the file would bring.", body = AudienceCheckBody),
        PayloadTooLarge, UnsupportedMediaType, Unprocessable,
    )
)]
pub(crate) async fn check_audience(
    State(api): State<Api>,
    caller: Caller,
    params: Result<Params<CheckAudience>, Problem>,
    request: Request,
) -> Result<Json<AudienceCheckBody>, Problem> {
    let (parts, body) = request.into_parts();
    let (headers, mut body) = (parts.headers, body.into_data_stream());
    let checked = async {
        let Params(params) = params?;
        refuse_at_sight(&headers, api.options().max_upload_bytes)?;
        check(&api, caller, params, (&headers, &mut body)).await
    };
    let checked = checked.await;
    if checked.is_err() && !headers.contains_key(EXPECT) {
        pump::drain(&mut body).await;
    }
    checked.map(Json)
}

async fn check(
    api: &Api,
    caller: Caller,
    params: CheckAudience,
    (headers, body): (&HeaderMap, &mut BodyDataStream),
) -> Result<AudienceCheckBody, Problem> {
    let mut checks = Checks::default();
    let region = params.default_region.as_deref();
    let region = region.map(|region| checks.accept("/default_region", Region::parse(region)));
    checks.finish()?;
    let template = params.template.as_deref().map(definition::parse_template).transpose()?;
    let limit = api.options().max_recipients;
    let key = phones::workspace_key(api, caller.workspace).await?;
    let options = AudienceOptions { phone_column: params.phone_column, max_rows: limit, ..AudienceOptions::default() };
    let reading = RowReading::new(headers, region.flatten(), key, options);
    let (bytes_in, bytes_out) = mpsc::channel(16);
    let (batches_in, batches_out) = mpsc::channel(2);
    let reader = tokio::task::spawn_blocking(move || reading.read(bytes_out, &batches_in));
    let (pumped, found) =
        tokio::join!(pump::pump(body, bytes_in, api.options().max_upload_bytes), Found::collect(batches_out));
    let read = reader.await.map_err(Problem::internal)?;
    pumped?;
    let RowsRead { rows, read_as, columns } = read.map_err(|refused| refusal::problem(refused, limit))?;
    if rows == 0 {
        return Err(refusal::no_rows());
    }
    let names = ColumnNames::new(&columns);
    let mut answer = AudienceCheckBody {
        rows: i64::try_from(rows).unwrap_or(i64::MAX),
        accepted: found.accepted,
        excluded: found.excluded,
        read_as,
        columns,
        aliases: names.iter().filter_map(|(name, alias)| Some((name.to_owned(), alias?.to_owned()))).collect(),
        missing_variables: Vec::new(),
        mistakes: Vec::new(),
        texts: Vec::new(),
        errors: found.errors,
    };
    if let Some(template) = template {
        answer.missing_variables = template.missing_columns(&names).into_iter().collect();
        answer.mistakes = template.mistaken_placeholders(&names).into_iter().map(TemplateMistake::from).collect();
        answer.texts = render(api, template, names, found.first).await?;
    }
    Ok(answer)
}

/// What the batches of a file hold.
#[derive(Default)]
struct Found {
    accepted: i64,
    excluded: BTreeMap<String, i64>,
    errors: Vec<RowError>,
    /// The first that would be accepted: row, phone, hash, variables as stores keep them.
    first: Vec<(i64, Option<String>, AddressHash, String)>,
}

impl Found {
    async fn collect(mut batches: Receiver<Batch>) -> Self {
        let mut found = Self::default();
        let mut rows: HashMap<AddressHash, i64> = HashMap::new();
        while let Some(mut batch) = batches.recv().await {
            let mut errors = std::mem::take(&mut batch.errors);
            for (row, line) in batch.rows.drain(..).zip(&batch.lines) {
                found.add(row, *line, &mut rows, &mut errors);
            }
            errors.sort_by_key(|error| error.row);
            found.errors.extend(errors);
            found.errors.truncate(SHOWN_ERRORS);
        }
        found
    }

    fn add(&mut self, row: UploadRow, line: u64, rows: &mut HashMap<AddressHash, i64>, errors: &mut Vec<RowError>) {
        let reason = match row {
            UploadRow::Excluded { exclusion, .. } => exclusion.reason(),
            UploadRow::Recipient { row, address, hash, variables } => match rows.get(&hash) {
                None => {
                    rows.insert(hash, row);
                    self.accepted += 1;
                    if self.first.len() < TEXTS {
                        self.first.push((row, phones::shown(&address), hash, variables));
                    }
                    return;
                }
                Some(first) => {
                    let exclusion = Exclusion::Duplicate { of_row: u64::try_from(*first).unwrap_or(0) };
                    if errors.len() < SHOWN_ERRORS {
                        let (reason, detail) = (exclusion.reason(), detail(&exclusion));
                        errors.push(RowError { row, line, reason, detail });
                    }
                    exclusion.reason()
                }
            },
        };
        *self.excluded.entry(reason.to_owned()).or_default() += 1;
    }
}

/// The first texts, rendered on a thread of its own, as a preview is.
async fn render(
    api: &Api,
    template: Template,
    columns: ColumnNames,
    rows: Vec<(i64, Option<String>, AddressHash, String)>,
) -> Result<Vec<CheckedText>, Problem> {
    let _turn = api.previews().acquire().await.map_err(Problem::internal)?;
    let rendering = move || {
        let begun = tokio::time::Instant::now();
        let late: Late = Arc::new(move || begun.elapsed() > PATIENCE);
        let text = |hash, variables: &str| {
            let variables = Variables::from_stored(variables, &columns).map_err(|error| error.to_string())?;
            // There is no campaign to draw for.
            let key = VariantKey::new(CampaignId::from_bytes([0; 16]), hash);
            template.render_until(&variables, key, Some(Arc::clone(&late))).map_err(|error| detail(&error.into()))
        };
        let checked = rows.into_iter().map(|(row, phone, hash, variables)| match text(hash, &variables) {
            Ok(text) => CheckedText { row, phone, text: Some(text), detail: None },
            Err(detail) => CheckedText { row, phone, text: None, detail: Some(detail) },
        });
        checked.collect()
    };
    tokio::task::spawn_blocking(rendering).await.map_err(Problem::internal)
}
