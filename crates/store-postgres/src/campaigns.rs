//! Campaigns: definition, views, and their moves.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{Account, CampaignId, CampaignMove, WorkspaceId};
use paceline_store::{
    Page, PageRequest, StoreResult,
    campaigns::{Campaign, CampaignDefinition, CampaignOutcome, CampaignStore, ExcludedRow, NewCampaign, SenderShare},
};
use sqlx::postgres::PgRow;

use crate::{
    cells::Cells,
    counters::Counts,
    cursor::{Cursor, key_of, split_key},
    error::Fallible,
    open::PostgresStore,
    transaction::Tx,
    values::{storable, uuid},
};

mod moves;

/// The columns of a campaign, its counts among them; the table is named `c`.
macro_rules! campaign_columns {
    () => {
        concat!(
            "c.id, c.workspace_id, c.name, c.template, c.pool, c.default_region, c.phone_column, c.start_at, c.expires_at, \
             c.state, c.columns, c.rows, c.planned_through, c.created_at, c.started_at, c.ended_at, ",
            $crate::counters::counts_of_campaign!()
        )
    };
}
pub(crate) use campaign_columns;

/// Reads a campaign.
pub(crate) fn read_campaign(row: &PgRow) -> Fallible<Campaign> {
    let cells = Cells::new("campaigns", row);
    let counts = Counts::read(cells)?;
    Ok(Campaign {
        id: cells.id("id")?,
        workspace: cells.id("workspace_id")?,
        definition: CampaignDefinition {
            name: cells.string("name")?,
            template: cells.string("template")?,
            pool: cells.string("pool")?,
            default_region: cells.opt_string("default_region")?,
            phone_column: cells.opt_string("phone_column")?,
            start_at: cells.opt_time("start_at")?,
            expires_at: cells.opt_time("expires_at")?,
        },
        state: cells.word("state")?,
        columns: cells.json("columns")?,
        rows: cells.number("rows")?,
        planned_through: cells.number("planned_through")?,
        account: counts.account,
        excluded: counts.excluded,
        failed: counts.failed,
        created_at: cells.time("created_at")?,
        started_at: cells.opt_time("started_at")?,
        ended_at: cells.opt_time("ended_at")?,
    })
}

#[async_trait]
impl CampaignStore for PostgresStore {
    async fn create_campaign(&self, campaign: NewCampaign) -> StoreResult<Campaign> {
        self.write(move |tx| Box::pin(tx.create_campaign(campaign))).await
    }

    async fn find_campaign(&self, workspace: WorkspaceId, campaign: CampaignId) -> StoreResult<Option<Campaign>> {
        let query = sqlx::query(concat!(
            "SELECT ",
            campaign_columns!(),
            " FROM campaigns c WHERE c.id = $1 AND c.workspace_id = $2"
        ));
        let row = self.one(query.bind(uuid(campaign)).bind(uuid(workspace))).await?;
        Ok(row.as_ref().map(read_campaign).transpose()?)
    }

    async fn list_campaigns(&self, workspace: WorkspaceId, page: PageRequest) -> StoreResult<Page<Campaign>> {
        let cursor = Cursor::<24>::read(&page)?;
        let (before_time, before_id) = cursor.after.map(split_key).transpose()?.unzip();
        let query = sqlx::query(concat!(
            "SELECT ",
            campaign_columns!(),
            " FROM campaigns c WHERE c.workspace_id = $1 AND (c.created_at, c.id) < (coalesce($2, 'infinity'::timestamptz), \
                coalesce($3, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)) ORDER BY c.created_at DESC, c.id DESC LIMIT $4"
        ));
        let query = query.bind(uuid(workspace)).bind(before_time).bind(before_id).bind(cursor.fetch());
        let campaigns = self.all(query).await?.iter().map(read_campaign).collect::<Fallible<Vec<_>>>()?;
        Ok(cursor.page(campaigns, |campaign| key_of(campaign.created_at, campaign.id.to_bytes())))
    }

    async fn update_campaign(
        &self,
        workspace: WorkspaceId,
        campaign: CampaignId,
        definition: CampaignDefinition,
    ) -> StoreResult<CampaignOutcome> {
        self.write(move |tx| Box::pin(tx.update_campaign(workspace, campaign, definition))).await
    }

    async fn move_campaign(
        &self,
        workspace: WorkspaceId,
        campaign: CampaignId,
        attempted: CampaignMove,
        now: DateTime<Utc>,
    ) -> StoreResult<CampaignOutcome> {
        self.write(move |tx| Box::pin(tx.move_campaign(workspace, campaign, attempted, now))).await
    }

    async fn list_exclusions(
        &self,
        workspace: WorkspaceId,
        campaign: CampaignId,
        page: PageRequest,
    ) -> StoreResult<Page<ExcludedRow>> {
        let cursor = Cursor::<8>::read(&page)?;
        let query = sqlx::query(
            "SELECT x.row_no, x.phone, x.exclusion FROM campaigns c JOIN exclusions x ON x.campaign_id = c.id \
             WHERE c.id = $1 AND c.workspace_id = $2 AND x.row_no > $3 AND x.row_no <= c.rows ORDER BY x.row_no LIMIT $4",
        );
        let after = cursor.after.map_or(0, i64::from_be_bytes);
        let query = query.bind(uuid(campaign)).bind(uuid(workspace)).bind(after).bind(cursor.fetch());
        let excluded = |row| {
            let cells = Cells::new("exclusions", row);
            let phone = cells.opt_string("phone")?;
            Ok(ExcludedRow { row: cells.number("row_no")?, phone, exclusion: cells.json("exclusion")? })
        };
        let rows = self.all(query).await?.iter().map(excluded).collect::<Fallible<Vec<_>>>()?;
        Ok(cursor.page(rows, |row| row.row.to_be_bytes()))
    }

    async fn list_sender_shares(&self, workspace: WorkspaceId, campaign: CampaignId) -> StoreResult<Vec<SenderShare>> {
        Ok(self.count_shares(workspace, campaign).await?)
    }

    async fn count_account(&self, workspace: WorkspaceId, campaign: CampaignId) -> StoreResult<Account> {
        let mut account = Account::default();
        for share in self.count_shares(workspace, campaign).await? {
            add_account(&mut account, &share.account);
        }
        Ok(account)
    }
}

impl PostgresStore {
    async fn count_shares(&self, workspace: WorkspaceId, campaign: CampaignId) -> Fallible<Vec<SenderShare>> {
        let query = sqlx::query(
            "SELECT sender_id, state, count(*) AS messages, count(replied_at) AS replied, count(opted_out_at) AS opted_out \
             FROM messages WHERE campaign_id = $1 AND workspace_id = $2 GROUP BY sender_id, state ORDER BY sender_id",
        );
        let mut shares: Vec<SenderShare> = Vec::new();
        for row in &self.all(query.bind(uuid(campaign)).bind(uuid(workspace))).await? {
            let cells = Cells::new("messages", row);
            let sender = cells.opt_id("sender_id")?;
            let messages = cells.number("messages")?;
            if shares.last().is_none_or(|share| share.sender != sender) {
                shares.push(SenderShare { sender, account: Account::default() });
            }
            if let Some(share) = shares.last_mut() {
                share.account.planned += messages;
                share.account.add(cells.word("state")?, messages);
                share.account.replied += cells.number("replied")?;
                share.account.opted_out += cells.number("opted_out")?;
            }
        }
        Ok(shares)
    }
}

fn add_account(sum: &mut Account, part: &Account) {
    let Account {
        planned,
        sent,
        delivered,
        read,
        replied,
        opted_out,
        failed,
        unknown,
        expired,
        cancelled,
        waiting,
        sending,
    } = *part;
    sum.planned += planned;
    sum.sent += sent;
    sum.delivered += delivered;
    sum.read += read;
    sum.replied += replied;
    sum.opted_out += opted_out;
    sum.failed += failed;
    sum.unknown += unknown;
    sum.expired += expired;
    sum.cancelled += cancelled;
    sum.waiting += waiting;
    sum.sending += sending;
}

impl Tx {
    /// A campaign by its id, in whatever workspace, with what this transaction has counted so far.
    pub(crate) async fn campaign(&mut self, campaign: CampaignId) -> Fallible<Option<Campaign>> {
        self.flush_counters().await?;
        let query = sqlx::query(concat!("SELECT ", campaign_columns!(), " FROM campaigns c WHERE c.id = $1"));
        let row = self.one(query.bind(uuid(campaign))).await?;
        row.as_ref().map(read_campaign).transpose()
    }

    async fn create_campaign(&mut self, new: NewCampaign) -> Fallible<Campaign> {
        let definition = new.definition;
        let insert = sqlx::query(
            "INSERT INTO campaigns (id, workspace_id, created_at, state, \
                name, template, pool, default_region, phone_column, start_at, expires_at) \
             VALUES ($1, $2, $3, 'draft', $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO NOTHING",
        );
        let insert = insert
            .bind(uuid(new.id))
            .bind(uuid(new.workspace))
            .bind(new.created_at)
            .bind(storable(&definition.name))
            .bind(storable(&definition.template))
            .bind(storable(&definition.pool))
            .bind(definition.default_region.as_deref().map(storable))
            .bind(definition.phone_column.as_deref().map(storable))
            .bind(definition.start_at)
            .bind(definition.expires_at);
        self.execute(insert).await?;
        Ok(self.campaign(new.id).await?.ok_or(sqlx::Error::RowNotFound)?)
    }

    async fn update_campaign(
        &mut self,
        workspace: WorkspaceId,
        id: CampaignId,
        definition: CampaignDefinition,
    ) -> Fallible<CampaignOutcome> {
        let update = sqlx::query(
            "UPDATE campaigns SET name = $3, template = $4, pool = $5, default_region = $6, phone_column = $7, \
             start_at = $8, expires_at = $9 WHERE id = $1 AND workspace_id = $2 AND state = 'draft'",
        );
        let update = update
            .bind(uuid(id))
            .bind(uuid(workspace))
            .bind(storable(&definition.name))
            .bind(storable(&definition.template))
            .bind(storable(&definition.pool))
            .bind(definition.default_region.as_deref().map(storable))
            .bind(definition.phone_column.as_deref().map(storable))
            .bind(definition.start_at)
            .bind(definition.expires_at);
        let changed = self.execute(update).await?;
        Ok(match self.campaign(id).await?.filter(|campaign| campaign.workspace == workspace) {
            None => CampaignOutcome::NotFound,
            Some(campaign) if changed == 0 => CampaignOutcome::NotDraft(campaign.state),
            Some(campaign) => CampaignOutcome::Changed(Box::new(campaign)),
        })
    }
}
