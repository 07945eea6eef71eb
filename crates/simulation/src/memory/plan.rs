//! Planning: rows become messages or exclusions.

use std::collections::BTreeMap;

use paceline_domain::{
    AddressHash, CampaignState, Exclusion, Generation, Lane, MessageState, SenderId, SenderState, SessionState,
};
use paceline_store::{
    StoreError, StoreResult,
    campaigns::Campaign,
    plan::{PlannedBatch, PlannedMessage, PlanningCampaign, UnplannedRow},
};

use super::{Binding, Memory, MessageRow};

impl Memory {
    pub(crate) fn list_planning(&self, limit: u32) -> Vec<PlanningCampaign> {
        let undecided =
            |campaign: &&Campaign| campaign.state == CampaignState::Running && campaign.planned_through < campaign.rows;
        let mut found: Vec<_> = self.campaigns.values().filter(undecided).collect();
        found.sort_by_key(|campaign| (campaign.started_at, campaign.id));
        let planning = |campaign: &Campaign| PlanningCampaign { campaign: campaign.clone(), key: self.key.clone() };
        found.into_iter().take(limit as usize).map(planning).collect()
    }

    pub(crate) fn list_unplanned(&self, campaign: &Campaign, after_row: i64, limit: u32) -> Vec<UnplannedRow> {
        let rows = self.recipients.get(&campaign.id).into_iter().flatten();
        rows.filter(|row| row.row > after_row && row.row <= campaign.rows)
            .take(limit as usize)
            .map(|row| UnplannedRow {
                recipient: row.clone(),
                suppression: self.suppressions.get(&row.hash).cloned(),
                sticky: self.find_sticky(row.hash, &campaign.definition.pool),
            })
            .collect()
    }

    /// The active sender of a pool that last wrote to a person.
    fn find_sticky(&self, hash: AddressHash, pool: &str) -> Option<SenderId> {
        let may_stick = |sender: SenderId| {
            self.senders.get(&sender).is_some_and(|row| {
                let sender = &row.sender;
                sender.state == SenderState::Active
                    && sender.session != SessionState::Banned
                    && sender.pools.iter().any(|name| name == pool)
            })
        };
        let written = self.messages.values().filter(|message| message.hash == hash && message.sent_at.is_some());
        let theirs = written.filter(|message| message.sender.is_some_and(may_stick));
        theirs.max_by_key(|message| message.attempts.last().map(|last| last.intended_at))?.sender
    }

    pub(crate) fn record_plan(&mut self, batch: PlannedBatch) -> StoreResult<()> {
        let conflict = || StoreError::Conflict { what: "campaigns.planned_through".to_owned() };
        let campaign = self.campaigns.get(&batch.campaign).ok_or_else(conflict)?;
        if campaign.state != CampaignState::Running || campaign.planned_through != batch.after_row {
            return Err(conflict());
        }
        let (pool, expires_at) = (campaign.definition.pool.clone(), campaign.definition.expires_at);
        let mut excluded: BTreeMap<&'static str, i64> = BTreeMap::new();
        for (_, exclusion) in &batch.exclusions {
            *excluded.entry(exclusion.reason()).or_default() += 1;
        }
        let mut planned = 0;
        for message in batch.messages {
            if let Some(suppression) = self.suppressions.get(&message.recipient.hash) {
                let why = Exclusion::Suppressed { since: suppression.since, why: suppression.reason };
                *excluded.entry(why.reason()).or_default() += 1;
                continue;
            }
            planned += 1;
            let row = self.message_row(&batch.campaign, message, &pool);
            self.messages.insert(row.id, MessageRow { expires_at, ..row });
        }
        let campaign = self.campaigns.get_mut(&batch.campaign).ok_or_else(conflict)?;
        campaign.planned_through = batch.through_row;
        campaign.account.planned += planned;
        campaign.account.add(MessageState::Waiting, planned);
        for (reason, count) in excluded {
            *campaign.excluded.entry(reason.to_owned()).or_default() += count;
        }
        Ok(())
    }

    fn message_row(&self, campaign: &paceline_domain::CampaignId, message: PlannedMessage, pool: &str) -> MessageRow {
        let there =
            |sender: &SenderId| self.senders.get(sender).is_some_and(|row| row.sender.state != SenderState::Removed);
        let sticky = message.sticky.filter(there);
        MessageRow {
            id: message.id,
            campaign: Some(*campaign),
            lane: Lane::Campaign,
            to: message.recipient.address,
            hash: message.recipient.hash,
            content: message.content,
            wa_id: message.wa_id,
            state: MessageState::Waiting,
            reason: None,
            sender: sticky,
            binding: if sticky.is_some() { Binding::Sticky } else { Binding::Free },
            pool: pool.to_owned(),
            not_before: None,
            waits_for: None,
            expires_at: None,
            generation: Generation(0),
            release_deadline: None,
            attempts: Vec::new(),
            sent_at: None,
            delivered_at: None,
            read_at: None,
            replied_at: None,
            opted_out_at: None,
        }
    }
}
