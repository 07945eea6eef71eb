//! `POST /v1/campaigns/{id}/preview`: the first rows as they will be sent.
//!
//! The variants are drawn from the campaign and the address, as when planning, so that a preview and the send agree.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{Json, extract::State};
use paceline_audience::{ColumnNames, Late, Template, TemplateError, Variables, VariantKey};
use paceline_domain::{CampaignId, Exclusion, WorkspaceId, kind};
use paceline_store::{PageRequest, campaigns::Campaign, recipients::RecipientRow};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ExclusionBody, definition, find};
use crate::{
    api::Api,
    auth::Caller,
    body::OptionalJsonBody,
    params::PathId,
    phones,
    problem::{NotFound, Problem, Unprocessable},
    schemas,
};

/// How many rows a preview shows.
const ROWS: u32 = 10;

/// How long rendering them may take together, in real time.
const PATIENCE: Duration = Duration::from_secs(5);

/// What to preview.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PreviewCampaign {
    /// Another template to try; the campaign's unless named.
    template: Option<String>,
}

/// The first rows as they will be sent.
#[derive(Serialize, ToSchema)]
pub(crate) struct Preview {
    /// The columns that the audience provides.
    columns: Vec<String>,
    /// How a template may name columns whose names are no identifiers, by the column's name; `{{ row["First Name"] }}` names any.
    aliases: BTreeMap<String, String>,
    /// The variables that the template needs and no column provides; the campaign cannot be started with them.
    missing_variables: Vec<String>,
    /// What would be sent as it stands and is likely meant for a column; the campaign cannot be started with it.
    mistakes: Vec<TemplateMistake>,
    /// The first rows, by row.
    rows: Vec<PreviewRow>,
}

/// A place of the template that is likely a mistake.
#[derive(Serialize, ToSchema)]
pub(crate) struct TemplateMistake {
    /// The line, from 1.
    line: usize,
    /// The character on that line, from 1.
    column: usize,
    /// What is wrong there, and what to write instead.
    message: String,
}

impl From<TemplateError> for TemplateMistake {
    fn from(error: TemplateError) -> Self {
        let TemplateError { line, column, message } = error;
        Self { line, column, message }
    }
}

/// One row of a preview: its text, or why it is not sent to.
#[derive(Serialize, ToSchema)]
pub(crate) struct PreviewRow {
    /// The row's number.
    row: i64,
    /// The phone.
    phone: Option<String>,
    /// The text as it will be sent; `null` when it will not.
    text: Option<String>,
    /// Why it will not be sent.
    exclusion: Option<ExclusionBody>,
}

/// Renders the first 10 rows as they will be sent.
#[utoipa::path(
    post, path = "/v1/campaigns/{id}/preview", tag = "campaigns", request_body = Option<PreviewCampaign>,
    params(("id" = schemas::CampaignId, Path, description = "The campaign.")),
    responses((status = 200, description = "The first rows.", body = Preview), NotFound, Unprocessable)
)]
pub(crate) async fn preview_campaign(
    State(api): State<Api>,
    caller: Caller,
    PathId(id): PathId<kind::Campaign>,
    OptionalJsonBody(request): OptionalJsonBody<PreviewCampaign>,
) -> Result<Json<Preview>, Problem> {
    let campaign = find(&api, caller, id).await?;
    let other = request.and_then(|request| request.template);
    let template = definition::parse_template(other.as_deref().unwrap_or(&campaign.definition.template))?;
    let names = ColumnNames::new(&campaign.columns);
    let missing_variables = template.missing_columns(&names).into_iter().collect();
    let mistakes = template.mistaken_placeholders(&names).into_iter().map(TemplateMistake::from).collect();
    let aliases = names.iter().filter_map(|(name, alias)| Some((name.to_owned(), alias?.to_owned()))).collect();
    let mut rows = excluded_rows(&api, &campaign).await?;
    let mut to_render = Vec::new();
    for recipient in api.store().list_recipients(caller.workspace, id, 0, ROWS).await? {
        // A row that planning has excluded stands among the exclusions with the reason that holds.
        if rows.iter().all(|row| row.row != recipient.row) {
            let suppressed = find_suppression(&api, campaign.workspace, &recipient).await?;
            to_render.push((recipient, suppressed));
        }
    }
    rows.extend(render_all(&api, &campaign, (names, template), to_render).await?);
    rows.sort_by_key(|row| row.row);
    rows.truncate(ROWS as usize);
    Ok(Json(Preview { columns: campaign.columns, aliases, missing_variables, mistakes, rows }))
}

/// The first rows that are excluded already.
async fn excluded_rows(api: &Api, campaign: &Campaign) -> Result<Vec<PreviewRow>, Problem> {
    let page = PageRequest { after: None, limit: ROWS };
    let excluded = api.store().list_exclusions(campaign.workspace, campaign.id, page).await?;
    let view = |excluded: paceline_store::campaigns::ExcludedRow| PreviewRow {
        row: excluded.row,
        phone: excluded.phone.clone(),
        text: None,
        exclusion: Some(excluded.into()),
    };
    Ok(excluded.items.into_iter().map(view).collect())
}

/// Renders rows on a thread of its own: what a template does is bounded, but nobody else is to wait for it. So are the threads.
async fn render_all(
    api: &Api,
    campaign: &Campaign,
    (columns, template): (ColumnNames, Template),
    rows: Vec<(RecipientRow, Option<Exclusion>)>,
) -> Result<Vec<PreviewRow>, Problem> {
    let id = campaign.id;
    let _turn = api.previews().acquire().await.map_err(Problem::internal)?;
    let rendering = move || {
        let begun = tokio::time::Instant::now();
        let late: Late = Arc::new(move || begun.elapsed() > PATIENCE);
        let render = |row: &RecipientRow| render(id, &columns, &template, row, &late);
        rows.into_iter().map(|(row, why)| preview(&row, why.map_or_else(|| render(&row), Err))).collect()
    };
    tokio::task::spawn_blocking(rendering).await.map_err(Problem::internal)
}

fn preview(recipient: &RecipientRow, rendered: Result<String, Exclusion>) -> PreviewRow {
    let phone = phones::shown(&recipient.address);
    match rendered {
        Ok(text) => PreviewRow { row: recipient.row, phone, text: Some(text), exclusion: None },
        Err(exclusion) => {
            let exclusion = ExclusionBody::new(recipient.row, phone.clone(), exclusion);
            PreviewRow { row: recipient.row, phone, text: None, exclusion: Some(exclusion) }
        }
    }
}

/// Campaigns are marketing: either scope of a suppression forbids them.
async fn find_suppression(
    api: &Api,
    workspace: WorkspaceId,
    recipient: &RecipientRow,
) -> Result<Option<Exclusion>, Problem> {
    let found = api.store().find_suppression(workspace, recipient.hash).await?;
    Ok(found.map(|suppression| Exclusion::Suppressed { since: suppression.since, why: suppression.reason }))
}

fn render(
    campaign: CampaignId,
    columns: &ColumnNames,
    template: &Template,
    recipient: &RecipientRow,
    late: &Late,
) -> Result<String, Exclusion> {
    let unreadable = |_| Exclusion::RenderFailed { detail: "the stored variables cannot be read".to_owned() };
    let variables = Variables::from_stored(&recipient.variables, columns).map_err(unreadable)?;
    Ok(template.render_until(&variables, VariantKey::new(campaign, recipient.hash), Some(Arc::clone(late)))?)
}
