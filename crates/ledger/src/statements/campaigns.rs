//! Campaigns.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{CampaignId, CampaignState, WorkspaceId};
use paceline_store::campaigns::{Campaign, CampaignDefinition, ExcludedRow, NewCampaign};

use crate::{
    Fallible, columns,
    locks::Locked,
    rows::{CampaignReads, CampaignRow, CampaignRows, CampaignTimes, ShareRow, Swept},
    statements::{Reading, Statement, Value, Writing, find, list},
};

/// The texts.
#[derive(Debug)]
pub struct CampaignTexts {
    /// Adds a draft unless it is there: id, workspace, when, and its definition.
    pub add: &'static str,
    /// A campaign as others see it: id.
    pub find: &'static str,
    /// Locks campaigns by id: ids.
    pub lock: &'static str,
    /// Locks what is scheduled and due: now, how many.
    pub lock_scheduled: &'static str,
    /// Locks what runs and has nothing left to send: how many.
    pub lock_finished: &'static str,
    /// How many messages are open: workspace, campaign.
    pub count_open: &'static str,
    /// Locks what is cancelled and not swept: how many.
    pub lock_unswept: &'static str,
    /// Notes whether it is swept: id, whether.
    pub set_swept: &'static str,
    /// Changes a definition: id, and the definition.
    pub set_definition: &'static str,
    /// Changes a state: id, state, started when, ended when.
    pub set_state: &'static str,
    /// Notes how far it is planned: id, row.
    pub set_planned_through: &'static str,
    /// Notes its rows: id, rows, accepted, columns as JSON.
    pub set_rows: &'static str,
    /// A campaign of a workspace as others see it: id, workspace.
    pub find_of_workspace: &'static str,
    /// The campaigns of a workspace: workspace, before which (two values), how many.
    pub list: &'static str,
    /// The excluded rows of a campaign: id, workspace, after which, how many.
    pub list_exclusions: &'static str,
    /// The messages of a campaign by sender and state: id, workspace.
    pub count_messages: &'static str,
}

#[async_trait]
impl<X: Writing> CampaignRows for X {
    async fn add_campaign(&mut self, campaign: &NewCampaign) -> Fallible<()> {
        let add =
            Statement::new(X::TEXTS.campaigns.add).with(campaign.id).with(campaign.workspace).with(campaign.created_at);
        self.run(X::bound(define(add, &campaign.definition))).await
    }

    async fn find_campaign(&mut self, campaign: CampaignId) -> Fallible<Option<Campaign>> {
        self.find(X::bound(Statement::new(X::TEXTS.campaigns.find).with(campaign)), columns::campaign).await
    }

    async fn lock_campaigns(&mut self, campaigns: &[CampaignId]) -> Fallible<Vec<Locked<CampaignRow>>> {
        if campaigns.is_empty() {
            return Ok(Vec::new());
        }
        let lock = Statement::new(X::TEXTS.campaigns.lock).with(Value::ids(campaigns.iter().copied()));
        self.list(X::bound(lock), locked).await
    }

    async fn lock_scheduled(&mut self, now: DateTime<Utc>, limit: u32) -> Fallible<Vec<Locked<CampaignRow>>> {
        self.list(X::bound(Statement::new(X::TEXTS.campaigns.lock_scheduled).with(now).with(limit)), locked).await
    }

    async fn lock_finished(&mut self, limit: u32) -> Fallible<Vec<Locked<CampaignRow>>> {
        self.list(X::bound(Statement::new(X::TEXTS.campaigns.lock_finished).with(limit)), locked).await
    }

    async fn count_open(&mut self, campaign: &Locked<CampaignRow>) -> Fallible<i64> {
        let count = Statement::new(X::TEXTS.campaigns.count_open).with(campaign.workspace).with(campaign.id);
        Ok(self.find(X::bound(count), columns::number("campaign_counts", "open")).await?.unwrap_or(0))
    }

    async fn lock_unswept(&mut self, limit: u32) -> Fallible<Vec<Locked<CampaignRow>>> {
        self.list(X::bound(Statement::new(X::TEXTS.campaigns.lock_unswept).with(limit)), locked).await
    }

    async fn set_swept(&mut self, campaign: &Locked<CampaignRow>, swept: Swept) -> Fallible<()> {
        let set = Statement::new(X::TEXTS.campaigns.set_swept).with(campaign.id).with(swept == Swept::Yes);
        self.run(X::bound(set)).await
    }

    async fn set_definition(
        &mut self,
        campaign: &Locked<CampaignRow>,
        definition: &CampaignDefinition,
    ) -> Fallible<()> {
        let set = Statement::new(X::TEXTS.campaigns.set_definition).with(campaign.id);
        self.run(X::bound(define(set, definition))).await
    }

    async fn set_campaign_state(
        &mut self,
        campaign: &Locked<CampaignRow>,
        state: CampaignState,
        times: CampaignTimes,
    ) -> Fallible<()> {
        let set = Statement::new(X::TEXTS.campaigns.set_state).with(campaign.id).with(state.as_str());
        self.run(X::bound(set.with(times.started_at).with(times.ended_at))).await
    }

    async fn set_planned_through(&mut self, campaign: &Locked<CampaignRow>, row: i64) -> Fallible<()> {
        self.run(X::bound(Statement::new(X::TEXTS.campaigns.set_planned_through).with(campaign.id).with(row))).await
    }

    async fn set_rows(
        &mut self,
        campaign: &Locked<CampaignRow>,
        rows: i64,
        accepted: i64,
        columns: &[String],
    ) -> Fallible<()> {
        let set = Statement::new(X::TEXTS.campaigns.set_rows).with(campaign.id).with(rows).with(accepted);
        self.run(X::bound(set.with(serde_json::json!(columns).to_string()))).await
    }
}

#[async_trait]
impl<D: Reading> CampaignReads for D {
    async fn find_campaign(&self, workspace: WorkspaceId, campaign: CampaignId) -> Fallible<Option<Campaign>> {
        let statement = Statement::new(D::TEXTS.campaigns.find_of_workspace).with(campaign).with(workspace);
        find(self, statement, columns::campaign).await
    }

    async fn list_campaigns(
        &self,
        workspace: WorkspaceId,
        before: Option<(DateTime<Utc>, CampaignId)>,
        limit: u32,
    ) -> Fallible<Vec<Campaign>> {
        let before = Value::Before(before.map(|(at, id)| (at, id.to_bytes())));
        let page = Statement::new(D::TEXTS.campaigns.list).with(workspace).with(before).with(limit);
        list(self, page, columns::campaign).await
    }

    async fn list_exclusions(
        &self,
        workspace: WorkspaceId,
        campaign: CampaignId,
        after_row: i64,
        limit: u32,
    ) -> Fallible<Vec<ExcludedRow>> {
        let page = Statement::new(D::TEXTS.campaigns.list_exclusions).with(campaign).with(workspace);
        list(self, page.with(after_row).with(limit), columns::excluded_row).await
    }

    async fn count_messages(&self, workspace: WorkspaceId, campaign: CampaignId) -> Fallible<Vec<ShareRow>> {
        let count = Statement::new(D::TEXTS.campaigns.count_messages).with(campaign).with(workspace);
        list(self, count, columns::share).await
    }
}

/// Reads a campaign that the statement has locked.
fn locked<R: columns::Columns>(row: &R) -> Fallible<Locked<CampaignRow>> {
    columns::campaign_row(row).map(Locked::new)
}

/// Adds a definition's values.
fn define<'v>(statement: Statement<'v>, definition: &'v CampaignDefinition) -> Statement<'v> {
    statement
        .with(definition.name.as_str())
        .with(definition.template.as_str())
        .with(definition.pool.as_str())
        .with(definition.default_region.as_deref())
        .with(definition.phone_column.as_deref())
        .with(definition.start_at)
        .with(definition.expires_at)
}
