//! Planning.

use std::collections::HashMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{CampaignId, CampaignState, Lane, SuppressionReason};
use paceline_ledger::{
    Fallible, Fault,
    locks::Locked,
    rows::{Binding, CampaignRow, PlanReads, PlanRows, PlannedWrite, UndecidedRow},
};
use paceline_store::{campaigns::Campaign, plan::PlanningCampaign, recipients::RecipientRow};

use super::{Memory, Tables, messages::NewEntry};

impl Tables {
    /// The recipients of a campaign after a row, up to and with another.
    pub(super) fn recipients_between(
        &self,
        campaign: CampaignId,
        after: i64,
        through: i64,
    ) -> impl Iterator<Item = &RecipientRow> {
        let first = after.saturating_add(1);
        let end = through.saturating_add(1).max(first);
        self.recipients.range((campaign, first)..(campaign, end)).map(|(_, recipient)| recipient)
    }
}

#[async_trait]
impl PlanRows for Tables {
    async fn find_suppressed_rows(
        &mut self,
        campaign: &Locked<CampaignRow>,
        after_row: i64,
        through_row: i64,
    ) -> Fallible<HashMap<i64, (DateTime<Utc>, SuppressionReason)>> {
        let recipients = self.recipients_between(campaign.id, after_row, through_row);
        let suppressed = recipients.filter_map(|recipient| {
            let suppression = self.suppressions.get(&(campaign.workspace, recipient.hash))?;
            Some((recipient.row, (suppression.since, suppression.reason)))
        });
        Ok(suppressed.collect())
    }

    async fn add_planned(
        &mut self,
        campaign: &Locked<CampaignRow>,
        now: DateTime<Utc>,
        messages: &[PlannedWrite<'_>],
    ) -> Fallible<()> {
        for PlannedWrite { message, sticky } in messages {
            let recipient = &message.recipient;
            let seq = self.next_seq();
            let new = NewEntry {
                id: message.id,
                workspace: campaign.workspace,
                campaign: Some((campaign.id, recipient.row)),
                lane: Lane::Campaign,
                to: &recipient.address,
                hash: recipient.hash,
                content: &message.content,
                wa_id: &message.wa_id,
                sender: *sticky,
                binding: if sticky.is_some() { Binding::Sticky } else { Binding::Free },
                pool: None,
                not_before: DateTime::UNIX_EPOCH,
                expires_at: campaign.expires_at,
                created_at: now,
            };
            if !self.messages.add(new.waits(seq)) {
                return Err(Fault::conflict("messages"));
            }
        }
        Ok(())
    }
}

#[async_trait]
impl PlanReads for Memory {
    async fn list_planning(&self, limit: u32) -> Fallible<Vec<PlanningCampaign>> {
        let tables = self.read().await?;
        let mut running = tables.list_by_start(CampaignState::Running);
        running.retain(|entry| entry.campaign.planned_through < entry.campaign.rows);
        let planning = running.into_iter().take(limit as usize).map(|entry| {
            let campaign = tables.view_campaign(entry)?;
            let workspace = tables.workspaces.get(&campaign.workspace);
            let workspace = workspace.ok_or_else(|| Fault::missing("workspaces", campaign.workspace))?;
            Ok(PlanningCampaign { campaign, key: workspace.key.clone() })
        });
        planning.collect()
    }

    async fn list_undecided(&self, campaign: &Campaign, after_row: i64, limit: u32) -> Fallible<Vec<UndecidedRow>> {
        let tables = self.read().await?;
        let pool = tables.find_pool(campaign.workspace, &campaign.definition.pool);
        let undecided = |recipient: &RecipientRow| UndecidedRow {
            recipient: recipient.clone(),
            is_suppressed: tables.suppressions.contains_key(&(campaign.workspace, recipient.hash)),
            sticky: pool.and_then(|pool| tables.find_sticky(campaign.workspace, pool, recipient.hash)),
        };
        let rows = tables.recipients_between(campaign.id, after_row, campaign.rows);
        Ok(rows.take(limit as usize).map(undecided).collect())
    }
}
