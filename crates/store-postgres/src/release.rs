//! Releasing: windows, claims, and giving claims back.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{Epoch, SenderId};
use paceline_store::{
    StoreResult,
    leases::Fenced,
    release::{Claim, PutOff, ReleaseRound, ReleaseStore, ReleasedMessage, Room, SenderWindow, Windows},
};

use crate::{
    bulk::column,
    cells::Cells,
    error::Fallible,
    open::PostgresStore,
    senders::{read_sender, sender_columns},
    transaction::Tx,
    values::{duration_micros, micros_of, real_now, statement_now, uuid, uuids},
};

mod claim;

/// What giving a claim back changes: a message that is not its sender's for good is anyone's again.
macro_rules! give_back {
    () => {
        "release_deadline = NULL, sender_id = CASE WHEN messages.binding = 'free' THEN NULL ELSE messages.sender_id END"
    };
}
pub(crate) use give_back;

#[async_trait]
impl ReleaseStore for PostgresStore {
    async fn list_windows(&self) -> StoreResult<Windows> {
        // Asked before the windows: a claim in between makes the round stale, never the windows.
        let round = self.one(sqlx::query("SELECT round FROM release_rounds")).await?;
        let round = round.map_or(Ok(0), |row| Cells::new("release_rounds", &row).number("round"))?;
        let query = sqlx::query(concat!(
            "SELECT ",
            sender_columns!(),
            ", (SELECT count(*) FROM messages m WHERE m.sender_id = s.id AND m.release_deadline > ",
            statement_now!(),
            ") AS outstanding FROM senders s \
             WHERE s.state = 'active' AND s.session_state = 'connected' ORDER BY s.id"
        ));
        let window = |row| {
            let outstanding = Cells::new("messages", row).small("outstanding")?;
            Ok(SenderWindow { sender: read_sender(row)?, outstanding })
        };
        let senders = self.all(query).await?.iter().map(window).collect::<Fallible<_>>()?;
        Ok(Windows { round: ReleaseRound(round), senders })
    }

    async fn claim_due(
        &self,
        round: ReleaseRound,
        rooms: &[Room],
        due_before: DateTime<Utc>,
        hold: Duration,
    ) -> StoreResult<Vec<ReleasedMessage>> {
        if rooms.iter().all(|room| room.room == 0) {
            return Ok(Vec::new());
        }
        let rooms = rooms.to_vec();
        self.write(move |tx| Box::pin(tx.claim_due(round, rooms, due_before, hold))).await
    }

    async fn give_back(&self, claims: &[Claim], put_off: PutOff) -> StoreResult<()> {
        if claims.is_empty() {
            return Ok(());
        }
        let claims = claims.to_vec();
        self.write(move |tx| Box::pin(tx.give_back(claims, put_off))).await
    }

    async fn reclaim_missing(&self, sender: SenderId, epoch: Epoch, left: Duration) -> StoreResult<Fenced<u64>> {
        self.write(move |tx| Box::pin(tx.reclaim_missing(sender, epoch, left))).await
    }

    async fn void_releases(&self) -> StoreResult<u64> {
        self.write(|tx| {
            Box::pin(async move {
                let void = sqlx::query(concat!(
                    "WITH held AS (SELECT seq FROM messages WHERE release_deadline IS NOT NULL ORDER BY seq FOR UPDATE) \
                     UPDATE messages SET ",
                    give_back!(),
                    " FROM held WHERE messages.seq = held.seq"
                ));
                tx.execute(void).await
            })
        })
        .await
    }
}

impl Tx {
    async fn reclaim_missing(&mut self, sender: SenderId, epoch: Epoch, left: Duration) -> Fallible<Fenced<u64>> {
        if !self.holds_lease(sender, epoch).await? {
            return Ok(Fenced::LeaseLost);
        }
        let reclaim = sqlx::query(concat!(
            "WITH held AS (SELECT m.seq FROM messages m WHERE m.sender_id = $1 AND m.release_deadline IS NOT NULL \
                AND m.release_deadline <= ",
            real_now!(),
            " + ",
            micros_of!("$2"),
            " ORDER BY m.seq FOR UPDATE SKIP LOCKED) UPDATE messages SET ",
            give_back!(),
            " FROM held WHERE messages.seq = held.seq"
        ));
        let reclaim = reclaim.bind(uuid(sender)).bind(duration_micros(left));
        Ok(Fenced::Done(self.execute(reclaim).await?))
    }

    /// Gives back those claims that are still held under their generation.
    pub(crate) async fn give_back(&mut self, claims: Vec<Claim>, put_off: PutOff) -> Fallible<()> {
        let give_back = sqlx::query(concat!(
            "WITH v AS (SELECT m.seq, v.generation FROM unnest($1::uuid[], $2::integer[]) AS v (id, generation) \
                JOIN messages m ON m.id = v.id ORDER BY m.seq), \
             held AS (SELECT m.seq FROM v CROSS JOIN LATERAL (SELECT m.seq FROM messages m \
                WHERE m.seq = v.seq AND m.release_generation = v.generation AND m.state = 'waiting' \
                    AND m.release_deadline IS NOT NULL FOR UPDATE) m) \
             UPDATE messages SET ",
            give_back!(),
            ", not_before = coalesce($3, messages.not_before), waits_for = $4 FROM held WHERE messages.seq = held.seq"
        ));
        let give_back = give_back
            .bind(uuids(claims.iter().map(|claim| claim.message)))
            .bind(column(&claims, |claim| claim.generation.0))
            .bind(put_off.not_before)
            .bind(put_off.waits_for);
        self.execute(give_back).await?;
        Ok(())
    }
}
