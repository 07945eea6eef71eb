//! Claiming what is due, for the whole fleet in one transaction.
//!
//! Claims take turns at the row of the rounds, so no two of them see the same rooms. Everyone else may move messages meanwhile: what
//! is due is looked for without locks and locked in the end, and what has moved by then, or is being moved, is left for the next
//! claim. A sender's end, a ban and a lost connection lock the row of the rounds as well, so that nothing is bound to it behind them.

mod due;
mod fleet;

use std::time::Duration;

use chrono::{DateTime, Utc};
use paceline_domain::{Generation, Lane, SenderId};
use paceline_store::release::{ReleaseRound, ReleasedMessage, Room};

use crate::{
    bulk::column,
    cells::Cells,
    error::Fallible,
    transaction::Tx,
    values::{duration_micros, micros_of, real_now, uuids},
};
use due::Due;

/// What is to be claimed, and for whom.
type Taken = Vec<(Due, SenderId)>;

impl Tx {
    pub(super) async fn claim_due(
        &mut self,
        round: ReleaseRound,
        rooms: Vec<Room>,
        due_before: DateTime<Utc>,
        hold: Duration,
    ) -> Fallible<Vec<ReleasedMessage>> {
        let current = sqlx::query("SELECT 1 FROM release_rounds WHERE round = $1 FOR UPDATE");
        if self.one(current.bind(round.0)).await?.is_none() {
            return Ok(Vec::new());
        }
        let mut fleet = self.find_fleet(rooms).await?;
        let mut taken = Taken::new();
        let single_pools = self.find_pools_with_singles(&fleet).await?;
        for lane in [Lane::Reply, Lane::Transactional] {
            let bound = self.find_bound_singles(&fleet, lane, due_before).await?;
            fleet.take_bound(bound, &mut taken);
            let free = self.find_pool_singles(&fleet, &single_pools, lane, due_before).await?;
            fleet.take_free(free, &mut taken);
        }
        let bound = self.find_bound_of_campaigns(&fleet, due_before).await?;
        fleet.take_bound(bound, &mut taken);
        let free = self.find_due_of_campaigns(&fleet, due_before).await?;
        fleet.take_free(free, &mut taken);

        if taken.is_empty() {
            return Ok(Vec::new());
        }
        // In the order of their rows, as everyone locks them.
        taken.sort_unstable_by_key(|(due, _)| due.seq);
        let mut taken = self.take(taken, hold).await?;
        if !taken.is_empty() {
            self.execute(sqlx::query("UPDATE release_rounds SET round = round + 1")).await?;
        }
        // The order in which each sender should take them.
        taken.sort_unstable_by_key(|(due, _)| (due.lane, due.not_before, due.id));
        Ok(taken.into_iter().map(|(due, sender)| due.released(sender)).collect())
    }

    /// Claims what still waits as it was found. Answers what was claimed.
    async fn take(&mut self, taken: Taken, hold: Duration) -> Fallible<Taken> {
        let take = sqlx::query(concat!(
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
        ));
        let take = take
            .bind(column(&taken, |(due, _)| due.seq))
            .bind(uuids(taken.iter().map(|(_, sender)| *sender)))
            .bind(column(&taken, |(due, _)| due.generation.0))
            .bind(duration_micros(hold));
        let rows = self.all(take).await?;
        if rows.len() == taken.len() {
            return Ok(taken);
        }
        let claimed = rows.iter().map(|row| Cells::new("messages", row).number("seq"));
        let claimed = claimed.collect::<Fallible<std::collections::HashSet<i64>>>()?;
        Ok(taken.into_iter().filter(|(due, _)| claimed.contains(&due.seq)).collect())
    }
}

impl Due {
    fn released(self, sender: SenderId) -> ReleasedMessage {
        ReleasedMessage {
            message: self.id,
            generation: Generation(self.generation.0 + 1),
            sender,
            campaign: self.campaign,
            lane: self.lane,
            to: self.to,
            chars: self.chars,
        }
    }
}
