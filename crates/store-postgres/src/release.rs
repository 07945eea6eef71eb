//! Releasing: where anything is due, and the claims on it.
//!
//! Each source is looked into by its index, whatever the statistics make of it: `LATERAL` with a limit, and `OFFSET 0`, keep the
//! planner from turning a question about one source into a walk through all of them.

use std::collections::HashSet;

use paceline_store::release::ReleaseRound;

use crate::{prelude::*, senders::select_sender};

/// What comes before every message: no message is due before the epoch, which stands for "at once".
const FIRST: (DateTime<Utc>, i64) = (DateTime::UNIX_EPOCH, 0);

const TAKERS: &str = "SELECT s.id, pm.pool_id, EXISTS (SELECT 1 FROM messages m \
        WHERE m.sender_id = s.id AND m.state = 'waiting' AND m.release_deadline IS NULL OFFSET 0) AS has_bound \
     FROM senders s LEFT JOIN pool_members pm ON pm.sender_id = s.id \
     WHERE s.id = ANY($1) AND s.state = 'active' AND s.session_state = 'connected' ORDER BY s.id";

const POOLS_WITH_SINGLES: &str = "SELECT p.id FROM pools p WHERE p.id = ANY($1) AND EXISTS (SELECT 1 FROM messages m WHERE m.pool_id = p.id \
        AND m.state = 'waiting' AND m.release_deadline IS NULL AND m.sender_id IS NULL AND m.campaign_id IS NULL OFFSET 0) \
     ORDER BY p.id";

const BOUND_SINGLES: &str = concat!(
    "SELECT m.*, NULL::uuid AS pool FROM unnest($1::uuid[], $2::bigint[]) AS j (sender_id, most) CROSS JOIN LATERAL (SELECT ",
    due_columns!(),
    " FROM messages m WHERE m.sender_id = j.sender_id AND m.campaign_id IS NULL AND m.lane = $3 AND m.not_before < $4 \
        AND m.state = 'waiting' AND m.release_deadline IS NULL \
        ORDER BY m.sender_id, m.campaign_id, m.lane, m.not_before, m.seq LIMIT j.most) m"
);

const BOUND_OF_CAMPAIGNS: &str = concat!(
    "SELECT m.*, NULL::uuid AS pool FROM unnest($1::uuid[], $2::bigint[]) AS j (sender_id, most) \
     CROSS JOIN (SELECT id, started_at, created_at FROM campaigns WHERE state = 'running') c CROSS JOIN LATERAL (SELECT ",
    due_columns!(),
    " FROM messages m WHERE m.sender_id = j.sender_id AND m.campaign_id = c.id AND m.lane = 'campaign' \
        AND m.not_before < $3 AND m.state = 'waiting' AND m.release_deadline IS NULL \
        ORDER BY m.sender_id, m.campaign_id, m.lane, m.not_before, m.seq LIMIT j.most) m ORDER BY c.started_at, c.created_at, c.id"
);

const POOL_SINGLES: &str = concat!(
    "SELECT m.*, j.pool FROM unnest($1::uuid[], $2::bigint[]) AS j (pool, most) CROSS JOIN LATERAL (SELECT ",
    due_columns!(),
    " FROM messages m WHERE m.pool_id = j.pool AND m.lane = $3 AND m.not_before < $4 AND m.state = 'waiting' \
        AND m.release_deadline IS NULL AND m.sender_id IS NULL AND m.campaign_id IS NULL \
        ORDER BY m.not_before, m.seq LIMIT j.most) m"
);

const CAMPAIGNS_WITH_DUE: &str = "SELECT c.id, p.id AS pool_id FROM campaigns c JOIN pools p ON p.workspace_id = c.workspace_id AND p.name = c.pool \
     WHERE c.state = 'running' AND EXISTS (SELECT 1 FROM messages m \
        WHERE m.campaign_id = c.id AND m.state = 'waiting' AND m.release_deadline IS NULL AND m.sender_id IS NULL \
            AND m.not_before < $1 OFFSET 0) ORDER BY c.started_at, c.created_at, c.id";

const DUE_OF_CAMPAIGNS: &str = concat!(
    "SELECT m.*, j.pool FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::timestamptz[], $5::bigint[]) \
        WITH ORDINALITY AS j (campaign_id, pool, most, after_time, after_seq, place) CROSS JOIN LATERAL (SELECT ",
    due_columns!(),
    " FROM messages m WHERE m.campaign_id = j.campaign_id AND m.state = 'waiting' AND m.release_deadline IS NULL \
        AND m.sender_id IS NULL AND m.not_before < $6 AND (m.not_before, m.seq) > (j.after_time, j.after_seq) \
        ORDER BY m.not_before, m.seq LIMIT j.most) m ORDER BY j.place, m.not_before, m.seq"
);

const CLAIM: &str = concat!(
    "WITH free AS (SELECT m.seq, v.sender_id FROM unnest($1::bigint[], $2::uuid[], $3::integer[]) AS v (seq, sender_id, generation) \
        CROSS JOIN LATERAL (SELECT m.seq FROM messages m \
            WHERE m.seq = v.seq AND m.release_generation = v.generation AND m.state = 'waiting' \
                AND m.release_deadline IS NULL AND (m.sender_id IS NULL OR m.sender_id = v.sender_id) \
            FOR UPDATE SKIP LOCKED) m) \
     UPDATE messages SET sender_id = free.sender_id, release_generation = messages.release_generation + 1, \
        release_deadline = ",
    real_now!(),
    " + ",
    micros_of!("$4"),
    " FROM free WHERE messages.seq = free.seq RETURNING messages.seq"
);

/// The senders that can be given anything, with what they have been given, and what else is said.
macro_rules! select_window {
    ($rest:literal) => {
        select_sender!(
            ", (SELECT count(*) FROM messages m WHERE m.sender_id = s.id AND m.release_deadline > ",
            statement_now!(),
            ") AS outstanding FROM senders s WHERE s.state = 'active' AND s.session_state = 'connected'",
            $rest,
            " ORDER BY s.created_at, s.id"
        )
    };
}

#[async_trait]
impl ReleaseRows for Tx {
    async fn lock_round(&mut self) -> Fallible<ReleaseRound> {
        let round = self.find(sqlx::query("SELECT round FROM release_rounds FOR UPDATE"), columns::round).await?;
        round.ok_or_else(|| Fault::missing("release_rounds", 1))
    }

    async fn advance_round(&mut self) -> Fallible<()> {
        self.run(sqlx::query("UPDATE release_rounds SET round = round + 1")).await
    }

    async fn list_takers(&mut self, senders: &[SenderId]) -> Fallible<Vec<TakerRow>> {
        if senders.is_empty() {
            return Ok(Vec::new());
        }
        columns::takers(&self.all(sqlx::query(TAKERS).bind(uuids(senders.iter().copied()))).await?)
    }

    async fn list_pools_with_singles(&mut self, pools: &[PoolId]) -> Fallible<Vec<PoolId>> {
        if pools.is_empty() {
            return Ok(Vec::new());
        }
        self.list(sqlx::query(POOLS_WITH_SINGLES).bind(uuids(pools.iter().copied())), columns::id("pools")).await
    }

    async fn list_bound_singles(
        &mut self,
        senders: &[(SenderId, u32)],
        lane: Lane,
        due_before: DateTime<Utc>,
    ) -> Fallible<Vec<DueRow>> {
        if senders.is_empty() {
            return Ok(Vec::new());
        }
        let query = sqlx::query(BOUND_SINGLES)
            .bind(column(senders, |(sender, _)| uuid(*sender)))
            .bind(column(senders, |(_, most)| i64::from(*most)));
        self.read_due(query.bind(lane.as_str()).bind(due_before)).await
    }

    async fn list_bound_of_campaigns(
        &mut self,
        senders: &[(SenderId, u32)],
        due_before: DateTime<Utc>,
    ) -> Fallible<Vec<DueRow>> {
        if senders.is_empty() {
            return Ok(Vec::new());
        }
        let query = sqlx::query(BOUND_OF_CAMPAIGNS)
            .bind(column(senders, |(sender, _)| uuid(*sender)))
            .bind(column(senders, |(_, most)| i64::from(*most)));
        self.read_due(query.bind(due_before)).await
    }

    async fn list_pool_singles(
        &mut self,
        pools: &[(PoolId, u32)],
        lane: Lane,
        due_before: DateTime<Utc>,
    ) -> Fallible<Vec<DueRow>> {
        if pools.is_empty() {
            return Ok(Vec::new());
        }
        let query = sqlx::query(POOL_SINGLES)
            .bind(column(pools, |(pool, _)| uuid(*pool)))
            .bind(column(pools, |(_, most)| i64::from(*most)));
        self.read_due(query.bind(lane.as_str()).bind(due_before)).await
    }

    async fn list_campaigns_with_due(&mut self, due_before: DateTime<Utc>) -> Fallible<Vec<(CampaignId, PoolId)>> {
        self.list(sqlx::query(CAMPAIGNS_WITH_DUE).bind(due_before), columns::source).await
    }

    async fn list_due_of_campaigns(
        &mut self,
        queries: &[DueQuery],
        due_before: DateTime<Utc>,
    ) -> Fallible<Vec<DueRow>> {
        if queries.is_empty() {
            return Ok(Vec::new());
        }
        let query = sqlx::query(DUE_OF_CAMPAIGNS)
            .bind(column(queries, |query| uuid(query.campaign)))
            .bind(column(queries, |query| uuid(query.pool)))
            .bind(column(queries, |query| i64::from(query.most)))
            .bind(column(queries, |query| query.after.unwrap_or(FIRST).0))
            .bind(column(queries, |query| query.after.unwrap_or(FIRST).1));
        self.read_due(query.bind(due_before)).await
    }

    async fn claim_messages(&mut self, due: &[(&DueRow, SenderId)], hold: Duration) -> Fallible<HashSet<i64>> {
        if due.is_empty() {
            return Ok(HashSet::new());
        }
        let claim = sqlx::query(CLAIM)
            .bind(column(due, |(due, _)| due.seq))
            .bind(column(due, |(_, sender)| uuid(*sender)))
            .bind(column(due, |(due, _)| due.generation.0))
            .bind(duration_micros(hold));
        self.list(claim, columns::number("messages", "seq")).await
    }
}

impl Tx {
    async fn read_due(&mut self, query: Bound<'_>) -> Fallible<Vec<DueRow>> {
        self.list(query, |row| columns::due(row, Cells::new("messages", row).opt_id("pool")?)).await
    }
}

/// The texts.
pub(crate) const TEXTS: ReleaseTexts = ReleaseTexts {
    find_round: "SELECT round FROM release_rounds",
    list_windows: select_window!(""),
    list_windows_of: select_window!(" AND s.id = ANY($1)"),
};
