//! Campaigns: template, audience, pool and schedule; sent once to every recipient.

use paceline_domain::{CampaignId, CampaignMove, kind};
use paceline_store::campaigns::{Campaign, CampaignOutcome};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{api::Api, auth::Caller, etag::Tagged, params::not_found, problem::Problem};

mod cancel;
mod create;
mod definition;
mod exclusions;
mod list;
mod messages;
mod pause;
mod preview;
mod progress;
mod recipients;
mod report;
mod resume;
mod show;
mod start;
mod update;
mod view;

pub(crate) use view::{AccountBody, CampaignBody, ExclusionBody};

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(create::create_campaign, list::list_campaigns))
        .routes(routes!(show::show_campaign, update::update_campaign))
        .routes(routes!(recipients::add_recipients))
        .routes(routes!(recipients::check::check_audience))
        .routes(routes!(preview::preview_campaign))
        .routes(routes!(start::start_campaign))
        .routes(routes!(pause::pause_campaign))
        .routes(routes!(resume::resume_campaign))
        .routes(routes!(cancel::cancel_campaign))
        .routes(routes!(progress::show_progress))
        .routes(routes!(messages::list_campaign_messages))
        .routes(routes!(exclusions::list_exclusions))
        .routes(routes!(report::show_report))
}

/// A campaign of the caller's workspace.
async fn find(api: &Api, caller: Caller, campaign: CampaignId) -> Result<Campaign, Problem> {
    let found = api.store().find_campaign(caller.workspace, campaign).await?;
    found.ok_or(not_found::<kind::Campaign>())
}

/// Makes one move and shows the campaign after it.
async fn make_move(
    api: &Api,
    caller: Caller,
    campaign: CampaignId,
    attempted: CampaignMove,
) -> Result<Tagged<CampaignBody>, Problem> {
    let outcome = api.store().move_campaign(caller.workspace, campaign, attempted, api.now()).await?;
    changed(outcome).map(Tagged::now)
}

/// The campaign after a change, or why it was refused.
fn changed(outcome: CampaignOutcome) -> Result<Campaign, Problem> {
    match outcome {
        CampaignOutcome::Changed(campaign) => Ok(*campaign),
        CampaignOutcome::NotFound => Err(not_found::<kind::Campaign>()),
        CampaignOutcome::Refused(refused) => Err(Problem::CampaignState(refused)),
        CampaignOutcome::NotDraft(state) => Err(Problem::CampaignNotDraft(state)),
        CampaignOutcome::NoRecipients => Err(Problem::NoRecipients),
        CampaignOutcome::NoSenders { pool } => Err(Problem::NoSenders { pool }),
        CampaignOutcome::UploadInProgress => Err(Problem::UploadInProgress),
        CampaignOutcome::Overtaken => Err(Problem::Conflict),
    }
}
