//! `POST /v1/campaigns/{id}/start`.

use axum::extract::State;
use paceline_audience::ColumnNames;
use paceline_domain::{CampaignMove, CampaignState, kind};
use paceline_store::campaigns::Campaign;

use super::{CampaignBody, definition, find, make_move};
use crate::{
    api::Api,
    auth::Caller,
    etag::Tagged,
    params::PathId,
    problem::{Conflict, NotFound, Problem, Unprocessable},
    schemas,
};

/// Starts a campaign: now, or at its `start_at` when that lies ahead. A scheduled one starts now.
#[utoipa::path(
    post, path = "/v1/campaigns/{id}/start", tag = "campaigns",
    params(("id" = schemas::CampaignId, Path, description = "The campaign.")),
    responses((status = 200, description = "The campaign as it now is.", body = CampaignBody), NotFound, Conflict, Unprocessable)
)]
pub(crate) async fn start_campaign(
    State(api): State<Api>,
    caller: Caller,
    PathId(id): PathId<kind::Campaign>,
) -> Result<Tagged<CampaignBody>, Problem> {
    let campaign = find(&api, caller, id).await?;
    // A state that does not allow the start, or an audience without rows, is the better reason; the store tells it.
    if campaign.state == CampaignState::Draft && campaign.rows > 0 {
        require_columns(&campaign)?;
    }
    make_move(&api, caller, id, CampaignMove::Start).await
}

/// A variable that no column provides would exclude every row; a placeholder of another program would be sent to each.
fn require_columns(campaign: &Campaign) -> Result<(), Problem> {
    let template = definition::parse_template(&campaign.definition.template)?;
    let columns = ColumnNames::new(&campaign.columns);
    if let Some(mistake) = template.mistaken_placeholders(&columns).into_iter().next() {
        return Err(definition::refused_template(mistake));
    }
    let variables: Vec<String> = template.missing_columns(&columns).into_iter().collect();
    if variables.is_empty() { Ok(()) } else { Err(Problem::MissingVariables { variables, columns }) }
}
