//! `POST /v1/campaigns/{id}/preview`: the first rows as they will be sent.
//!
//! The variants are drawn from the campaign and the address, as when planning, so that a preview and the send agree.

use axum::{Json, extract::State};
use paceline_audience::{Template, Variables, VariantKey};
use paceline_domain::{Exclusion, WorkspaceId, kind};
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
    /// The variables that the template needs and no column provides; the campaign cannot be started with them.
    missing_variables: Vec<String>,
    /// The first rows, by row.
    rows: Vec<PreviewRow>,
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
    let mut rows = excluded_rows(&api, &campaign).await?;
    for recipient in api.store().list_recipients(caller.workspace, id, 0, ROWS).await? {
        // A row that planning has excluded stands among the exclusions with the reason that holds.
        if rows.iter().all(|row| row.row != recipient.row) {
            rows.push(preview(&api, &campaign, &template, recipient).await?);
        }
    }
    rows.sort_by_key(|row| row.row);
    rows.truncate(ROWS as usize);
    let missing_variables = template.missing_columns(&campaign.columns).into_iter().collect();
    Ok(Json(Preview { columns: campaign.columns, missing_variables, rows }))
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

async fn preview(
    api: &Api,
    campaign: &Campaign,
    template: &Template,
    recipient: RecipientRow,
) -> Result<PreviewRow, Problem> {
    let phone = phones::shown(&recipient.address);
    let rendered = match find_suppression(api, campaign.workspace, &recipient).await? {
        Some(suppressed) => Err(suppressed),
        None => render(campaign, template, &recipient),
    };
    Ok(match rendered {
        Ok(text) => PreviewRow { row: recipient.row, phone, text: Some(text), exclusion: None },
        Err(exclusion) => {
            let exclusion = ExclusionBody::new(recipient.row, phone.clone(), exclusion);
            PreviewRow { row: recipient.row, phone, text: None, exclusion: Some(exclusion) }
        }
    })
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

fn render(campaign: &Campaign, template: &Template, recipient: &RecipientRow) -> Result<String, Exclusion> {
    let unreadable = |_| Exclusion::RenderFailed { detail: "the stored variables cannot be read".to_owned() };
    let variables = Variables::from_json(&recipient.variables).map_err(unreadable)?;
    Ok(template.render(&variables, VariantKey::new(campaign.id, recipient.hash))?)
}
