//! Campaigns.

mod row;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{CampaignId, CampaignState, WorkspaceId};
use paceline_ledger::{
    Fallible,
    locks::Locked,
    rows::{CampaignReads, CampaignRow, CampaignRows, CampaignTimes, ShareRow},
};
use paceline_store::campaigns::{Campaign, CampaignDefinition, ExcludedRow, NewCampaign};

use crate::{
    cells::{Cells, read_all, read_locked},
    database::PostgresRows,
    transaction::Tx,
    values::{storable, uuid, uuids},
};
pub(crate) use row::{campaign_columns, read_campaign};
use row::{campaign_row_columns, read_campaign_row};

#[async_trait]
impl CampaignRows for Tx {
    async fn add_campaign(&mut self, campaign: &NewCampaign) -> Fallible<()> {
        let definition = &campaign.definition;
        let insert = sqlx::query(
            "INSERT INTO campaigns (id, workspace_id, created_at, state, \
                name, template, pool, default_region, phone_column, start_at, expires_at) \
             VALUES ($1, $2, $3, 'draft', $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO NOTHING",
        );
        let insert = insert
            .bind(uuid(campaign.id))
            .bind(uuid(campaign.workspace))
            .bind(campaign.created_at)
            .bind(storable(&definition.name))
            .bind(storable(&definition.template))
            .bind(storable(&definition.pool))
            .bind(definition.default_region.as_deref().map(storable))
            .bind(definition.phone_column.as_deref().map(storable))
            .bind(definition.start_at)
            .bind(definition.expires_at);
        self.run(insert).await
    }

    async fn find_campaign(&mut self, campaign: CampaignId) -> Fallible<Option<Campaign>> {
        let query = sqlx::query(concat!("SELECT ", campaign_columns!(), " FROM campaigns c WHERE c.id = $1"));
        self.one(query.bind(uuid(campaign))).await?.as_ref().map(read_campaign).transpose()
    }

    async fn lock_campaigns(&mut self, campaigns: &[CampaignId]) -> Fallible<Vec<Locked<CampaignRow>>> {
        if campaigns.is_empty() {
            return Ok(Vec::new());
        }
        let lock = sqlx::query(concat!(
            "SELECT ",
            campaign_row_columns!(),
            " FROM campaigns c WHERE c.id = ANY($1) ORDER BY c.id FOR NO KEY UPDATE"
        ));
        let rows = self.all(lock.bind(uuids(campaigns.iter().copied()))).await?;
        read_locked(&rows, read_campaign_row)
    }

    async fn lock_scheduled(&mut self, now: DateTime<Utc>, limit: u32) -> Fallible<Vec<Locked<CampaignRow>>> {
        let lock = sqlx::query(concat!(
            "SELECT ",
            campaign_row_columns!(),
            " FROM campaigns c WHERE c.state = 'scheduled' AND (c.start_at IS NULL OR c.start_at <= $1) \
             ORDER BY c.start_at, c.id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED"
        ));
        let rows = self.all(lock.bind(now).bind(i64::from(limit))).await?;
        read_locked(&rows, read_campaign_row)
    }

    async fn lock_finished(&mut self, limit: u32) -> Fallible<Vec<Locked<CampaignRow>>> {
        let lock = sqlx::query(concat!(
            "SELECT ",
            campaign_row_columns!(),
            " FROM campaigns c WHERE c.state = 'running' AND c.planned_through >= c.rows AND \
                (SELECT coalesce(sum(k.count), 0) FROM campaign_counts k WHERE k.workspace_id = c.workspace_id \
                    AND k.campaign_id = c.id AND k.bucket IN ('waiting', 'sending')) = 0 \
             ORDER BY c.started_at, c.id LIMIT $1 FOR NO KEY UPDATE OF c SKIP LOCKED"
        ));
        let rows = self.all(lock.bind(i64::from(limit))).await?;
        read_locked(&rows, read_campaign_row)
    }

    async fn count_open(&mut self, campaign: &Locked<CampaignRow>) -> Fallible<i64> {
        let query = sqlx::query(
            "SELECT coalesce(sum(count), 0)::bigint AS open FROM campaign_counts \
             WHERE workspace_id = $1 AND campaign_id = $2 AND bucket IN ('waiting', 'sending')",
        );
        let row = self.one(query.bind(uuid(campaign.workspace)).bind(uuid(campaign.id))).await?;
        row.map_or(Ok(0), |row| Cells::new("campaign_counts", &row).number("open"))
    }

    async fn list_cancelled_with_waiting(&mut self) -> Fallible<Vec<CampaignId>> {
        let query = sqlx::query(
            "SELECT c.id FROM campaigns c WHERE c.state = 'cancelled' AND \
                (SELECT coalesce(sum(k.count), 0) FROM campaign_counts k WHERE k.workspace_id = c.workspace_id \
                    AND k.campaign_id = c.id AND k.bucket = 'waiting') <> 0 ORDER BY c.id",
        );
        read_all(&self.all(query).await?, |row| Cells::new("campaigns", row).id("id"))
    }

    async fn set_definition(
        &mut self,
        campaign: &Locked<CampaignRow>,
        definition: &CampaignDefinition,
    ) -> Fallible<()> {
        let update = sqlx::query(
            "UPDATE campaigns SET name = $2, template = $3, pool = $4, default_region = $5, phone_column = $6, \
             start_at = $7, expires_at = $8 WHERE id = $1",
        );
        let update = update
            .bind(uuid(campaign.id))
            .bind(storable(&definition.name))
            .bind(storable(&definition.template))
            .bind(storable(&definition.pool))
            .bind(definition.default_region.as_deref().map(storable))
            .bind(definition.phone_column.as_deref().map(storable))
            .bind(definition.start_at)
            .bind(definition.expires_at);
        self.run(update).await
    }

    async fn set_campaign_state(
        &mut self,
        campaign: &Locked<CampaignRow>,
        state: CampaignState,
        times: CampaignTimes,
    ) -> Fallible<()> {
        let update = sqlx::query("UPDATE campaigns SET state = $2, started_at = $3, ended_at = $4 WHERE id = $1");
        let update = update.bind(uuid(campaign.id)).bind(state.as_str()).bind(times.started_at).bind(times.ended_at);
        self.run(update).await
    }

    async fn set_planned_through(&mut self, campaign: &Locked<CampaignRow>, row: i64) -> Fallible<()> {
        let update = sqlx::query("UPDATE campaigns SET planned_through = $2 WHERE id = $1");
        self.run(update.bind(uuid(campaign.id)).bind(row)).await
    }

    async fn set_rows(
        &mut self,
        campaign: &Locked<CampaignRow>,
        rows: i64,
        accepted: i64,
        columns: &[String],
    ) -> Fallible<()> {
        let update = sqlx::query("UPDATE campaigns SET rows = $2, accepted = $3, columns = $4 WHERE id = $1");
        let columns = serde_json::json!(columns).to_string();
        self.run(update.bind(uuid(campaign.id)).bind(rows).bind(accepted).bind(columns)).await
    }
}

#[async_trait]
impl CampaignReads for PostgresRows {
    async fn find_campaign(&self, workspace: WorkspaceId, campaign: CampaignId) -> Fallible<Option<Campaign>> {
        let query = sqlx::query(concat!(
            "SELECT ",
            campaign_columns!(),
            " FROM campaigns c WHERE c.id = $1 AND c.workspace_id = $2"
        ));
        let row = self.one(query.bind(uuid(campaign)).bind(uuid(workspace))).await?;
        row.as_ref().map(read_campaign).transpose()
    }

    async fn list_campaigns(
        &self,
        workspace: WorkspaceId,
        before: Option<(DateTime<Utc>, CampaignId)>,
        limit: u32,
    ) -> Fallible<Vec<Campaign>> {
        let query = sqlx::query(concat!(
            "SELECT ",
            campaign_columns!(),
            " FROM campaigns c WHERE c.workspace_id = $1 AND (c.created_at, c.id) < (coalesce($2, 'infinity'::timestamptz), \
                coalesce($3, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)) ORDER BY c.created_at DESC, c.id DESC LIMIT $4"
        ));
        let (time, id) = before.map(|(time, id)| (time, uuid(id))).unzip();
        let rows = self.all(query.bind(uuid(workspace)).bind(time).bind(id).bind(i64::from(limit))).await?;
        read_all(&rows, read_campaign)
    }

    async fn list_exclusions(
        &self,
        workspace: WorkspaceId,
        campaign: CampaignId,
        after_row: i64,
        limit: u32,
    ) -> Fallible<Vec<ExcludedRow>> {
        let query = sqlx::query(
            "SELECT x.row_no, x.phone, x.exclusion FROM campaigns c JOIN exclusions x ON x.campaign_id = c.id \
             WHERE c.id = $1 AND c.workspace_id = $2 AND x.row_no > $3 AND x.row_no <= c.rows ORDER BY x.row_no LIMIT $4",
        );
        let query = query.bind(uuid(campaign)).bind(uuid(workspace)).bind(after_row).bind(i64::from(limit));
        read_all(&self.all(query).await?, |row| {
            let cells = Cells::new("exclusions", row);
            let phone = cells.opt_string("phone")?;
            Ok(ExcludedRow { row: cells.number("row_no")?, phone, exclusion: cells.json("exclusion")? })
        })
    }

    async fn count_messages(&self, workspace: WorkspaceId, campaign: CampaignId) -> Fallible<Vec<ShareRow>> {
        let query = sqlx::query(
            "SELECT sender_id, state, count(*) AS messages, count(replied_at) AS replied, count(opted_out_at) AS opted_out \
             FROM messages WHERE campaign_id = $1 AND workspace_id = $2 GROUP BY sender_id, state ORDER BY sender_id",
        );
        let rows = self.all(query.bind(uuid(campaign)).bind(uuid(workspace))).await?;
        read_all(&rows, |row| {
            let cells = Cells::new("messages", row);
            Ok(ShareRow {
                sender: cells.opt_id("sender_id")?,
                state: cells.word("state")?,
                messages: cells.number("messages")?,
                replied: cells.number("replied")?,
                opted_out: cells.number("opted_out")?,
            })
        })
    }
}
