//! Why a campaign's waiting messages wait.

use chrono::{DateTime, Utc};
use paceline_domain::CampaignState;
use paceline_pacing::Profiles;
use paceline_store::{campaigns::Campaign, senders::Sender};

use super::{Why, sender, told_until};

/// Why a campaign stands as it stands. `senders` are those of its pool; they matter only while it runs.
pub(crate) fn of_campaign(campaign: &Campaign, senders: &[Sender], profiles: &Profiles, now: DateTime<Utc>) -> Why {
    match campaign.state {
        CampaignState::Draft => Why::new("campaign_draft", "The campaign was not started."),
        CampaignState::Scheduled => {
            let until = campaign.definition.start_at;
            Why::new("campaign_scheduled", format!("The campaign is scheduled{}.", told_until(until))).until(until)
        }
        CampaignState::Paused => Why::new("campaign_paused", "The campaign is paused."),
        CampaignState::Completed => Why::new("campaign_completed", "Nothing waits; the campaign is completed."),
        CampaignState::Cancelled => Why::new("campaign_cancelled", "The campaign was cancelled."),
        CampaignState::Running if campaign.account.waiting > 0 => {
            sender::of_pool(&campaign.definition.pool, senders, profiles, now)
        }
        CampaignState::Running if campaign.planned_through < campaign.rows => {
            let left = campaign.rows - campaign.planned_through;
            Why::new("planning", format!("{left} rows are still to be decided."))
        }
        CampaignState::Running => Why::new("completing", "Nothing waits; the campaign is about to be completed."),
    }
}
