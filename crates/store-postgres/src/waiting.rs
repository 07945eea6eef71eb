//! Messages that wait: their claims, and what ties them to senders.

use paceline_store::release::Claim;

use crate::prelude::*;

/// The columns of a message that waits; the table is named `m`.
macro_rules! waiting_columns {
    () => {
        "m.seq, m.id, m.sender_id, m.binding, m.not_before, m.waits_for"
    };
}

/// Claims `$1` of generations `$2`, as long as their deadlines are as is said.
macro_rules! lock_claims {
    ($deadline:literal) => {
        concat!(
            "WITH v AS (SELECT DISTINCT m.seq, v.generation FROM unnest($1::uuid[], $2::integer[]) AS v (id, generation) \
                CROSS JOIN LATERAL (SELECT m.seq FROM messages m WHERE m.id = v.id OFFSET 0) m ORDER BY m.seq) \
             SELECT m.* FROM v CROSS JOIN LATERAL (SELECT ",
            waiting_columns!(),
            " FROM messages m WHERE m.seq = v.seq AND m.release_generation = v.generation AND m.state = 'waiting' \
                AND m.release_deadline ",
            $deadline,
            " FOR UPDATE) m"
        )
    };
}

const CLAIMED: &str = lock_claims!("IS NOT NULL");

const GIVEN_BACK: &str = lock_claims!("IS NULL");

const CLAIMED_FOR: &str = concat!(
    "SELECT ",
    waiting_columns!(),
    " FROM messages m WHERE m.sender_id = ANY($1) AND m.release_deadline IS NOT NULL ORDER BY m.seq FOR UPDATE"
);

const CLAIMED_UNTIL: &str = concat!(
    "SELECT ",
    waiting_columns!(),
    " FROM messages m WHERE m.sender_id = $1 AND m.release_deadline IS NOT NULL AND m.release_deadline <= ",
    real_now!(),
    " + ",
    micros_of!("$2"),
    " ORDER BY m.seq FOR UPDATE SKIP LOCKED"
);

/// In no order: who waits for nobody needs none, and sorting would look at all of them.
const RUN_OUT: &str = concat!(
    "SELECT ",
    waiting_columns!(),
    " FROM messages m WHERE m.release_deadline IS NOT NULL AND m.release_deadline <= ",
    real_now!(),
    " LIMIT $1 FOR UPDATE SKIP LOCKED"
);

/// What is claimed is found by its small index, whatever the planner makes of the limit, and locked one row after the other.
const ANY_CLAIMED: &str = concat!(
    "SELECT m.* FROM (SELECT seq FROM messages WHERE release_deadline IS NOT NULL ORDER BY seq OFFSET 0) f \
     CROSS JOIN LATERAL (SELECT ",
    waiting_columns!(),
    " FROM messages m WHERE m.seq = f.seq AND m.release_deadline IS NOT NULL FOR UPDATE) m LIMIT $1"
);

/// A sender's messages are found by two small indexes: those that are claimed, and those that are not. A message that meanwhile is sent
/// or bound elsewhere drops out.
const BOUND_TO: &str = concat!(
    "SELECT m.* FROM (SELECT b.seq FROM unnest($1::uuid[]) AS s (id) CROSS JOIN LATERAL ( \
        SELECT seq FROM messages WHERE sender_id = s.id AND state = 'waiting' AND release_deadline IS NULL \
        UNION ALL SELECT seq FROM messages WHERE sender_id = s.id AND release_deadline IS NOT NULL) b \
        WHERE b.seq > $2 ORDER BY b.seq OFFSET 0) f \
     CROSS JOIN LATERAL (SELECT ",
    waiting_columns!(),
    " FROM messages m WHERE m.seq = f.seq AND m.sender_id = ANY($1) AND m.state = 'waiting' FOR UPDATE) m LIMIT $3"
);

/// Looks at what is bound to the sender by the same two small indexes.
const OUTSIDE_POOLS: &str = concat!(
    "SELECT m.* FROM (SELECT b.seq FROM ( \
        SELECT seq FROM messages WHERE sender_id = $1 AND state = 'waiting' AND release_deadline IS NULL \
        UNION ALL SELECT seq FROM messages WHERE sender_id = $1 AND release_deadline IS NOT NULL) b \
        WHERE b.seq > $2 ORDER BY b.seq OFFSET 0) f \
     CROSS JOIN LATERAL (SELECT ",
    waiting_columns!(),
    " FROM messages m WHERE m.seq = f.seq AND m.sender_id = $1 AND m.state = 'waiting' AND m.binding <> 'routed' \
        AND NOT EXISTS (SELECT 1 FROM pool_members pm WHERE pm.sender_id = $1 AND pm.pool_id = coalesce(m.pool_id, \
            (SELECT p.id FROM campaigns c JOIN pools p ON p.workspace_id = c.workspace_id AND p.name = c.pool \
             WHERE c.id = m.campaign_id)) OFFSET 0) FOR UPDATE OF m) m LIMIT $3"
);

const WRITE: &str = "UPDATE messages AS m SET release_deadline = NULL, sender_id = v.sender_id, binding = v.binding, \
        not_before = v.not_before, waits_for = v.waits_for \
    FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::timestamptz[], $5::text[]) \
        AS v (seq, sender_id, binding, not_before, waits_for) WHERE m.seq = v.seq";

#[async_trait]
impl WaitingRows for Tx {
    async fn lock_waiting(&mut self, which: Waiting<'_>) -> Fallible<Vec<Locked<WaitingRow>>> {
        if asks_for_nothing(which) {
            return Ok(Vec::new());
        }
        let mut waiting = self.lock(lock(which), columns::waiting).await?;
        waiting.sort_unstable_by_key(|message| message.seq);
        Ok(waiting)
    }

    async fn write_waiting(&mut self, writes: &[WaitingWrite<'_>]) -> Fallible<()> {
        if writes.is_empty() {
            return Ok(());
        }
        let write = sqlx::query(WRITE)
            .bind(column(writes, |write| write.message.seq))
            .bind(column(writes, |write| opt_uuid(write.sender)))
            .bind(column(writes, |write| write.binding.as_str()))
            .bind(column(writes, |write| write.not_before))
            .bind(column(writes, |write| write.waits_for));
        self.run(write).await
    }
}

const fn asks_for_nothing(which: Waiting<'_>) -> bool {
    match which {
        Waiting::Claimed(claims) | Waiting::GivenBack(claims) => claims.is_empty(),
        Waiting::ClaimedFor(senders) | Waiting::BoundTo { senders, .. } => senders.is_empty(),
        Waiting::ClaimedUntil { .. }
        | Waiting::RunOut { .. }
        | Waiting::AnyClaimed { .. }
        | Waiting::OutsidePools { .. } => false,
    }
}

fn lock(which: Waiting<'_>) -> Bound<'_> {
    match which {
        Waiting::Claimed(claims) => bind_claims(CLAIMED, claims),
        Waiting::GivenBack(claims) => bind_claims(GIVEN_BACK, claims),
        Waiting::ClaimedFor(senders) => sqlx::query(CLAIMED_FOR).bind(uuids(senders.iter().copied())),
        Waiting::ClaimedUntil { sender, left } => {
            sqlx::query(CLAIMED_UNTIL).bind(uuid(sender)).bind(duration_micros(left))
        }
        Waiting::RunOut { limit } => sqlx::query(RUN_OUT).bind(i64::from(limit)),
        Waiting::AnyClaimed { limit } => sqlx::query(ANY_CLAIMED).bind(i64::from(limit)),
        Waiting::OutsidePools { sender, after, limit } => {
            sqlx::query(OUTSIDE_POOLS).bind(uuid(sender)).bind(after).bind(i64::from(limit))
        }
        Waiting::BoundTo { senders, after, limit } => {
            sqlx::query(BOUND_TO).bind(uuids(senders.iter().copied())).bind(after).bind(i64::from(limit))
        }
    }
}

fn bind_claims<'c>(statement: &'static str, claims: &'c [Claim]) -> Bound<'c> {
    sqlx::query(statement)
        .bind(uuids(claims.iter().map(|claim| claim.message)))
        .bind(column(claims, |claim| claim.generation.0))
}
