//! `PATCH /v1/campaigns/{id}`.

use axum::{Json, extract::State};
use paceline_domain::{CampaignState, kind};
use paceline_store::campaigns::CampaignDefinition;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{CampaignBody, changed, definition, find};
use crate::{
    api::Api,
    auth::Caller,
    body::{Change, JsonBody},
    params::PathId,
    problem::{Conflict, NotFound, Problem, Unprocessable},
    schemas,
    times::Time,
};

/// What to change: a field that is absent stays, `null` clears one that may be empty.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateCampaign {
    /// What to call it.
    name: Option<String>,
    /// The template.
    template: Option<String>,
    /// The pool whose senders it uses.
    pool: Option<String>,
    /// The region of phone numbers without a country code.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    default_region: Change<String>,
    /// The phone column of its CSV files.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    phone_column: Change<String>,
    /// Not to start before this.
    #[serde(default)]
    #[schema(value_type = Option<DateTime<Utc>>)]
    start_at: Change<Time>,
    /// What is not sent by then is not sent at all.
    #[serde(default)]
    #[schema(value_type = Option<DateTime<Utc>>)]
    expires_at: Change<Time>,
}

/// Changes a campaign while it is a draft.
#[utoipa::path(
    patch, path = "/v1/campaigns/{id}", tag = "campaigns", request_body = UpdateCampaign,
    params(("id" = schemas::CampaignId, Path, description = "The campaign.")),
    responses((status = 200, description = "The campaign as it now is.", body = CampaignBody), NotFound, Conflict, Unprocessable)
)]
pub(crate) async fn update_campaign(
    State(api): State<Api>,
    caller: Caller,
    PathId(id): PathId<kind::Campaign>,
    JsonBody(request): JsonBody<UpdateCampaign>,
) -> Result<Json<CampaignBody>, Problem> {
    let campaign = find(&api, caller, id).await?;
    if campaign.state != CampaignState::Draft {
        return Err(Problem::CampaignNotDraft(campaign.state));
    }
    let definition = request.apply(campaign.definition);
    definition::check(&definition, api.now())?;
    let outcome = api.store().update_campaign(caller.workspace, id, definition).await?;
    changed(outcome).map(|campaign| Json(campaign.into()))
}

impl UpdateCampaign {
    fn apply(self, old: CampaignDefinition) -> CampaignDefinition {
        CampaignDefinition {
            name: self.name.unwrap_or(old.name),
            template: self.template.unwrap_or(old.template),
            pool: self.pool.unwrap_or(old.pool),
            default_region: self.default_region.apply(old.default_region),
            phone_column: self.phone_column.apply(old.phone_column),
            start_at: self.start_at.map(|Time(at)| at).apply(old.start_at),
            expires_at: self.expires_at.map(|Time(at)| at).apply(old.expires_at),
        }
    }
}
