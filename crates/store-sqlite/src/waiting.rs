//! Messages that wait: their claims, and what ties them to senders.

use paceline_store::release::Claim;

use crate::prelude::*;

/// A list's text, by the rows it asks for. They are collected first, so that each is answered once and in order.
macro_rules! waiting {
    ($($which:expr),+) => {
        concat!(
            "SELECT m.seq, m.id, m.sender_id, m.binding, m.not_before, m.waits_for FROM messages m WHERE m.seq IN (",
            $($which,)+
            ") ORDER BY m.seq"
        )
    };
}

const CLAIMED: &str = waiting!(
    "SELECT x.seq FROM json_each(?1) j CROSS JOIN messages x ON x.id = unhex(j.value ->> 0) \
     WHERE x.release_generation = j.value ->> 1 AND x.state = 'waiting' AND x.release_deadline IS NOT NULL"
);

const GIVEN_BACK: &str = waiting!(
    "SELECT x.seq FROM json_each(?1) j CROSS JOIN messages x ON x.id = unhex(j.value ->> 0) \
     WHERE x.release_generation = j.value ->> 1 AND x.state = 'waiting' AND x.release_deadline IS NULL"
);

const CLAIMED_FOR: &str = waiting!(
    "SELECT x.seq FROM json_each(?1) j CROSS JOIN messages x INDEXED BY messages_released \
     WHERE x.sender_id = unhex(j.value) AND x.release_deadline IS NOT NULL"
);

const CLAIMED_UNTIL: &str = waiting!(
    "SELECT x.seq FROM messages x INDEXED BY messages_released \
     WHERE x.sender_id = ?1 AND x.release_deadline IS NOT NULL AND x.release_deadline <= ?2 + ",
    real_now!()
);

const RUN_OUT: &str = waiting!(
    "SELECT x.seq FROM messages x INDEXED BY messages_released \
     WHERE x.release_deadline IS NOT NULL AND x.release_deadline <= ",
    real_now!(),
    " LIMIT ?1"
);

const ANY_CLAIMED: &str =
    waiting!("SELECT x.seq FROM messages x INDEXED BY messages_released WHERE x.release_deadline IS NOT NULL LIMIT ?1");

/// Claimed or not: each is in one of two small indexes.
const BOUND_TO: &str = waiting!(
    "SELECT x.seq FROM json_each(?1) j CROSS JOIN messages x INDEXED BY messages_due_bound \
        WHERE x.sender_id = unhex(j.value) AND x.state = 'waiting' AND x.release_deadline IS NULL AND x.seq > ?2 \
     UNION ALL SELECT x.seq FROM json_each(?1) j CROSS JOIN messages x INDEXED BY messages_released \
        WHERE x.sender_id = unhex(j.value) AND x.release_deadline IS NOT NULL AND x.seq > ?2 \
     ORDER BY 1 LIMIT ?3"
);

/// The same, of one sender, that none of its pools has to do with.
const OUTSIDE_POOLS: &str = waiting!(
    "SELECT b.seq FROM (SELECT x.seq, x.binding, x.pool_id, x.campaign_id FROM messages x INDEXED BY messages_due_bound \
            WHERE x.sender_id = ?1 AND x.state = 'waiting' AND x.release_deadline IS NULL AND x.seq > ?2 \
         UNION ALL SELECT x.seq, x.binding, x.pool_id, x.campaign_id FROM messages x INDEXED BY messages_released \
            WHERE x.sender_id = ?1 AND x.release_deadline IS NOT NULL AND x.seq > ?2) b \
     WHERE b.binding <> 'routed' AND NOT EXISTS (SELECT 1 FROM pool_members pm WHERE pm.sender_id = ?1 \
        AND pm.pool_id = coalesce(b.pool_id, (SELECT p.id FROM campaigns c JOIN pools p \
            ON p.workspace_id = c.workspace_id AND p.name = c.pool WHERE c.id = b.campaign_id))) \
     ORDER BY b.seq LIMIT ?3"
);

const WRITE: Bulk = Bulk {
    head: "WITH v (seq, sender_id, binding, not_before, waits_for) AS (VALUES",
    row: "(?, ?, ?, ?, ?)",
    tail: ") UPDATE messages SET sender_id = v.sender_id, binding = v.binding, not_before = v.not_before, \
           waits_for = v.waits_for, release_deadline = NULL FROM v WHERE messages.seq = v.seq",
};

#[async_trait]
impl WaitingRows for Tx {
    async fn lock_waiting(&mut self, which: Waiting<'_>) -> Fallible<Vec<Locked<WaitingRow>>> {
        self.lock(query_of(which), columns::waiting).await
    }

    async fn write_waiting(&mut self, writes: &[WaitingWrite<'_>]) -> Fallible<()> {
        WRITE
            .write(self, writes, |values, write| {
                values.add(write.message.seq).add(opt_blob(write.sender)).add(write.binding.as_str());
                values.add(micros(write.not_before)).add(write.waits_for);
            })
            .await
    }
}

fn query_of(which: Waiting<'_>) -> Bound<'static> {
    match which {
        Waiting::Claimed(claims) => sqlx::query(CLAIMED).bind(json_claims(claims)),
        Waiting::GivenBack(claims) => sqlx::query(GIVEN_BACK).bind(json_claims(claims)),
        Waiting::ClaimedFor(senders) => sqlx::query(CLAIMED_FOR).bind(json_ids(senders.iter().copied())),
        Waiting::ClaimedUntil { sender, left } => {
            sqlx::query(CLAIMED_UNTIL).bind(blob(sender)).bind(duration_micros(left))
        }
        Waiting::RunOut { limit } => sqlx::query(RUN_OUT).bind(limit),
        Waiting::AnyClaimed { limit } => sqlx::query(ANY_CLAIMED).bind(limit),
        Waiting::OutsidePools { sender, after, limit } => {
            sqlx::query(OUTSIDE_POOLS).bind(blob(sender)).bind(after).bind(limit)
        }
        Waiting::BoundTo { senders, after, limit } => {
            sqlx::query(BOUND_TO).bind(json_ids(senders.iter().copied())).bind(after).bind(limit)
        }
    }
}

/// `[["0a1b…",3],…]`, for `json_each`.
fn json_claims(claims: &[Claim]) -> String {
    let claim = |claim: &Claim| (hex(&claim.message.to_bytes()), claim.generation.0);
    let claims: Vec<_> = claims.iter().map(claim).collect();
    serde_json::json!(claims).to_string()
}
