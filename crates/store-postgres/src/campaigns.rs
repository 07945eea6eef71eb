//! Campaigns.

use paceline_store::campaigns::{Campaign, CampaignDefinition, ExcludedRow, NewCampaign};

use crate::prelude::*;

/// The columns of a campaign as others see it, its counts among them; the table is named `c`.
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

/// A campaign's own columns, which are what a lock holds; the table is named `c`.
macro_rules! campaign_row_columns {
    () => {
        "c.id, c.workspace_id, c.name, c.pool, c.state, c.columns, c.rows, c.accepted, c.planned_through, c.start_at, c.expires_at, \
         c.started_at"
    };
}

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
        self.find(query.bind(uuid(campaign)), columns::campaign).await
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
        self.lock(lock.bind(uuids(campaigns.iter().copied())), columns::campaign_row).await
    }

    async fn lock_scheduled(&mut self, now: DateTime<Utc>, limit: u32) -> Fallible<Vec<Locked<CampaignRow>>> {
        let lock = sqlx::query(concat!(
            "SELECT ",
            campaign_row_columns!(),
            " FROM campaigns c WHERE c.state = 'scheduled' AND (c.start_at IS NULL OR c.start_at <= $1) \
             ORDER BY c.start_at, c.id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED"
        ));
        self.lock(lock.bind(now).bind(i64::from(limit)), columns::campaign_row).await
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
        self.lock(lock.bind(i64::from(limit)), columns::campaign_row).await
    }

    async fn count_open(&mut self, campaign: &Locked<CampaignRow>) -> Fallible<i64> {
        let query = sqlx::query(
            "SELECT coalesce(sum(count), 0)::bigint AS open FROM campaign_counts \
             WHERE workspace_id = $1 AND campaign_id = $2 AND bucket IN ('waiting', 'sending')",
        );
        let query = query.bind(uuid(campaign.workspace)).bind(uuid(campaign.id));
        Ok(self.find(query, columns::number("campaign_counts", "open")).await?.unwrap_or(0))
    }

    async fn list_cancelled_with_waiting(&mut self) -> Fallible<Vec<CampaignId>> {
        let query = sqlx::query(
            "SELECT c.id FROM campaigns c WHERE c.state = 'cancelled' AND \
                (SELECT coalesce(sum(k.count), 0) FROM campaign_counts k WHERE k.workspace_id = c.workspace_id \
                    AND k.campaign_id = c.id AND k.bucket = 'waiting') <> 0 ORDER BY c.id",
        );
        self.list(query, columns::id("campaigns")).await
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
        self.find(query.bind(uuid(campaign)).bind(uuid(workspace)), columns::campaign).await
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
        self.list(query.bind(uuid(workspace)).bind(time).bind(id).bind(i64::from(limit)), columns::campaign).await
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
        self.list(query, columns::excluded_row).await
    }

    async fn count_messages(&self, workspace: WorkspaceId, campaign: CampaignId) -> Fallible<Vec<ShareRow>> {
        let query = sqlx::query(
            "SELECT sender_id, state, count(*) AS messages, count(replied_at) AS replied, count(opted_out_at) AS opted_out \
             FROM messages WHERE campaign_id = $1 AND workspace_id = $2 GROUP BY sender_id, state ORDER BY sender_id",
        );
        self.list(query.bind(uuid(campaign)).bind(uuid(workspace)), columns::share).await
    }
}
