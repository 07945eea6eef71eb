//! Campaigns.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{Account, CampaignId, CampaignState, MessageState, SenderId, WorkspaceId};
use paceline_ledger::{
    Counts, Fallible, Fault,
    locks::{Line, Locked},
    rows::{CampaignReads, CampaignRow, CampaignRows, CampaignTimes, ShareRow, Swept},
};
use paceline_store::campaigns::{Campaign, CampaignDefinition, ExcludedRow, NewCampaign};

use super::{Memory, Tables};

/// A campaign.
#[derive(Debug, Clone)]
pub(crate) struct CampaignEntry {
    /// Without its account, which the counters have.
    pub(crate) campaign: Campaign,
    /// Committed rows that are recipients.
    pub(super) accepted: i64,
    /// Whether anything is left that could wait, when it is cancelled.
    swept: Swept,
}

impl CampaignEntry {
    fn locked(&self) -> Locked<CampaignRow> {
        let campaign = &self.campaign;
        Locked::new(CampaignRow {
            id: campaign.id,
            workspace: campaign.workspace,
            name: campaign.definition.name.clone(),
            pool: campaign.definition.pool.clone(),
            state: campaign.state,
            columns: campaign.columns.clone(),
            rows: campaign.rows,
            accepted: self.accepted,
            planned_through: campaign.planned_through,
            start_at: campaign.definition.start_at,
            expires_at: campaign.definition.expires_at,
            started_at: campaign.started_at,
        })
    }
}

impl Tables {
    /// A campaign with its account.
    pub(crate) fn view_campaign(&self, entry: &CampaignEntry) -> Fallible<Campaign> {
        let campaign = entry.campaign.clone();
        let Counts { account, excluded, failed } = self.counted(campaign.workspace, campaign.id)?;
        Ok(Campaign { account, excluded, failed, ..campaign })
    }

    /// A campaign of a workspace.
    pub(super) fn campaign_of(&self, workspace: WorkspaceId, campaign: CampaignId) -> Option<&CampaignEntry> {
        self.campaigns.get(&campaign).filter(|entry| entry.campaign.workspace == workspace)
    }

    /// Campaigns in a state, the oldest start first.
    pub(super) fn list_by_start(&self, state: CampaignState) -> Vec<&CampaignEntry> {
        let mut found: Vec<_> = self.campaigns.values().filter(|entry| entry.campaign.state == state).collect();
        found.sort_unstable_by_key(|entry| (entry.campaign.started_at, entry.campaign.created_at, entry.campaign.id));
        found
    }

    fn sum_of(&self, campaign: &Campaign, states: &[MessageState]) -> i64 {
        let is_one = |bucket: &str| states.iter().any(|state| state.as_str() == bucket);
        let buckets = self.buckets(campaign.workspace, campaign.id).filter(|(bucket, _)| is_one(bucket));
        buckets.map(|(_, count)| count).sum()
    }

    fn edit_campaign(
        &mut self,
        campaign: &Locked<CampaignRow>,
        change: impl FnOnce(&mut CampaignEntry),
    ) -> Fallible<()> {
        change(self.campaigns.edit(&campaign.id).ok_or_else(|| Fault::missing("campaigns", campaign.id))?);
        Ok(())
    }
}

const OPEN: [MessageState; 2] = [MessageState::Waiting, MessageState::Sending];

#[async_trait]
impl CampaignRows for Tables {
    async fn add_campaign(&mut self, new: &NewCampaign) -> Fallible<()> {
        // Whoever adds the same one at the same time waits.
        self.wait_for(Line::Campaigns);
        let campaign = Campaign {
            id: new.id,
            workspace: new.workspace,
            definition: new.definition.clone(),
            state: CampaignState::Draft,
            columns: Vec::new(),
            rows: 0,
            planned_through: 0,
            account: Account::default(),
            excluded: BTreeMap::new(),
            failed: BTreeMap::new(),
            created_at: new.created_at,
            started_at: None,
            ended_at: None,
        };
        self.campaigns.add(new.id, CampaignEntry { campaign, accepted: 0, swept: Swept::No });
        Ok(())
    }

    async fn find_campaign(&mut self, campaign: CampaignId) -> Fallible<Option<Campaign>> {
        self.campaigns.get(&campaign).map(|entry| self.view_campaign(entry)).transpose()
    }

    async fn lock_campaigns(&mut self, campaigns: &[CampaignId]) -> Fallible<Vec<Locked<CampaignRow>>> {
        self.wait_for(Line::Campaigns);
        let wanted: BTreeSet<&CampaignId> = campaigns.iter().collect();
        let found = wanted.into_iter().filter_map(|campaign| self.campaigns.get(campaign));
        Ok(found.map(CampaignEntry::locked).collect())
    }

    async fn lock_scheduled(&mut self, now: DateTime<Utc>, limit: u32) -> Fallible<Vec<Locked<CampaignRow>>> {
        let mut due = self.list_by_start(CampaignState::Scheduled);
        due.retain(|entry| entry.campaign.definition.start_at.is_none_or(|at| at <= now));
        due.sort_unstable_by_key(|entry| {
            (entry.campaign.definition.start_at, entry.campaign.created_at, entry.campaign.id)
        });
        Ok(due.into_iter().take(limit as usize).map(CampaignEntry::locked).collect())
    }

    async fn lock_finished(&mut self, limit: u32) -> Fallible<Vec<Locked<CampaignRow>>> {
        let mut done = self.list_by_start(CampaignState::Running);
        done.retain(|entry| {
            let campaign = &entry.campaign;
            campaign.planned_through >= campaign.rows && self.sum_of(campaign, &OPEN) == 0
        });
        Ok(done.into_iter().take(limit as usize).map(CampaignEntry::locked).collect())
    }

    async fn count_open(&mut self, campaign: &Locked<CampaignRow>) -> Fallible<i64> {
        Ok(self.campaigns.get(&campaign.id).map_or(0, |entry| self.sum_of(&entry.campaign, &OPEN)))
    }

    async fn lock_unswept(&mut self, limit: u32) -> Fallible<Vec<Locked<CampaignRow>>> {
        let cancelled = self.campaigns.values().filter(|entry| entry.campaign.state == CampaignState::Cancelled);
        let unswept = cancelled.filter(|entry| entry.swept == Swept::No);
        Ok(unswept.take(limit as usize).map(CampaignEntry::locked).collect())
    }

    async fn set_swept(&mut self, campaign: &Locked<CampaignRow>, swept: Swept) -> Fallible<()> {
        if let Some(entry) = self.campaigns.edit(&campaign.id) {
            entry.swept = swept;
        }
        Ok(())
    }

    async fn set_definition(
        &mut self,
        campaign: &Locked<CampaignRow>,
        definition: &CampaignDefinition,
    ) -> Fallible<()> {
        self.edit_campaign(campaign, |entry| entry.campaign.definition = definition.clone())
    }

    async fn set_campaign_state(
        &mut self,
        campaign: &Locked<CampaignRow>,
        state: CampaignState,
        times: CampaignTimes,
    ) -> Fallible<()> {
        self.edit_campaign(campaign, |entry| {
            entry.campaign.state = state;
            entry.campaign.started_at = times.started_at;
            entry.campaign.ended_at = times.ended_at;
        })
    }

    async fn set_planned_through(&mut self, campaign: &Locked<CampaignRow>, row: i64) -> Fallible<()> {
        self.edit_campaign(campaign, |entry| entry.campaign.planned_through = row)
    }

    async fn set_rows(
        &mut self,
        campaign: &Locked<CampaignRow>,
        rows: i64,
        accepted: i64,
        columns: &[String],
    ) -> Fallible<()> {
        self.edit_campaign(campaign, |entry| {
            entry.campaign.rows = rows;
            entry.campaign.columns = columns.to_vec();
            entry.accepted = accepted;
        })
    }
}

#[async_trait]
impl CampaignReads for Memory {
    async fn find_campaign(&self, workspace: WorkspaceId, campaign: CampaignId) -> Fallible<Option<Campaign>> {
        let tables = self.read().await?;
        tables.campaign_of(workspace, campaign).map(|entry| tables.view_campaign(entry)).transpose()
    }

    async fn list_campaigns(
        &self,
        workspace: WorkspaceId,
        before: Option<(DateTime<Utc>, CampaignId)>,
        limit: u32,
    ) -> Fallible<Vec<Campaign>> {
        let tables = self.read().await?;
        let key = |entry: &CampaignEntry| (entry.campaign.created_at, entry.campaign.id);
        let theirs = tables
            .campaigns
            .values()
            .filter(|entry| entry.campaign.workspace == workspace && before.is_none_or(|before| key(entry) < before));
        let mut found: Vec<_> = theirs.collect();
        found.sort_unstable_by_key(|entry| std::cmp::Reverse(key(entry)));
        found.into_iter().take(limit as usize).map(|entry| tables.view_campaign(entry)).collect()
    }

    async fn list_exclusions(
        &self,
        workspace: WorkspaceId,
        campaign: CampaignId,
        after_row: i64,
        limit: u32,
    ) -> Fallible<Vec<ExcludedRow>> {
        let tables = self.read().await?;
        let rows = tables.campaign_of(workspace, campaign).map_or(0, |entry| entry.campaign.rows);
        if after_row >= rows {
            return Ok(Vec::new());
        }
        let committed = tables.exclusions.range((campaign, after_row + 1)..=(campaign, rows));
        Ok(committed.take(limit as usize).map(|(_, excluded)| excluded.clone()).collect())
    }

    async fn count_messages(&self, workspace: WorkspaceId, campaign: CampaignId) -> Fallible<Vec<ShareRow>> {
        let tables = self.read().await?;
        let mut shares: BTreeMap<(Option<SenderId>, MessageState), ShareRow> = BTreeMap::new();
        let theirs = tables.messages.values().filter(|message| message.campaign == Some(campaign));
        for message in theirs.filter(|message| message.workspace == workspace) {
            let (sender, state) = (message.sender, message.state);
            let empty = ShareRow { sender, state, messages: 0, replied: 0, opted_out: 0 };
            let share = shares.entry((sender, state)).or_insert(empty);
            share.messages += 1;
            share.replied += i64::from(message.replied_at.is_some());
            share.opted_out += i64::from(message.opted_out_at.is_some());
        }
        Ok(shares.into_values().collect())
    }
}
