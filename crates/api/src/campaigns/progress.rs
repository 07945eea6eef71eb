//! `GET /v1/campaigns/{id}/progress`: counters, and why what waits is waiting. Cheap enough to be polled.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use paceline_domain::{CampaignId, CampaignState, kind};
use serde::Serialize;
use utoipa::ToSchema;

use super::{AccountBody, find};
use crate::{
    api::Api,
    auth::Caller,
    params::PathId,
    problem::{NotFound, Problem},
    schemas,
    senders::senders_of_pool,
    why::{self, Why},
};

/// How far a campaign has come.
#[derive(Serialize, ToSchema)]
pub(crate) struct Progress {
    /// The campaign.
    #[schema(value_type = schemas::CampaignId)]
    id: CampaignId,
    /// Where it stands.
    #[schema(value_type = schemas::CampaignState)]
    state: CampaignState,
    /// How far its audience has been decided.
    planning: Planning,
    /// Its account.
    account: AccountBody,
    /// Excluded rows by reason.
    excluded: BTreeMap<String, i64>,
    /// Failed messages by reason.
    failed: BTreeMap<String, i64>,
    /// Why it stands there: what its waiting messages wait for, until when.
    why: Why,
}

/// How far an audience has been decided.
#[derive(Serialize, ToSchema)]
pub(crate) struct Planning {
    /// All rows.
    rows: i64,
    /// Rows up to this number have been decided.
    planned_through: i64,
    /// Rows that became messages.
    planned: i64,
    /// Rows that will not be sent to.
    excluded: i64,
    /// Rows that will never be decided, because the campaign was cancelled before it came to them.
    unplanned: i64,
    /// Whether nothing more is to be decided.
    done: bool,
}

/// Shows how far a campaign has come, and why it waits.
#[utoipa::path(
    get, path = "/v1/campaigns/{id}/progress", tag = "campaigns",
    params(("id" = schemas::CampaignId, Path, description = "The campaign.")),
    responses((status = 200, description = "How far it has come.", body = Progress), NotFound)
)]
pub(crate) async fn show_progress(
    State(api): State<Api>,
    caller: Caller,
    PathId(id): PathId<kind::Campaign>,
) -> Result<Json<Progress>, Problem> {
    let campaign = find(&api, caller, id).await?;
    let senders = if campaign.state == CampaignState::Running && campaign.account.waiting > 0 {
        senders_of_pool(&api, caller, &campaign.definition.pool).await?
    } else {
        Vec::new()
    };
    let why = why::of_campaign(&campaign, &senders, api.profiles(), api.now());
    let planning = Planning {
        rows: campaign.rows,
        planned_through: campaign.planned_through,
        planned: campaign.account.planned,
        excluded: campaign.excluded.values().sum(),
        unplanned: campaign.unplanned(),
        done: campaign.planned_through >= campaign.rows || campaign.state == CampaignState::Cancelled,
    };
    let account = AccountBody::of(&campaign);
    Ok(Json(Progress {
        id: campaign.id,
        state: campaign.state,
        planning,
        account,
        excluded: campaign.excluded,
        failed: campaign.failed,
        why,
    }))
}
