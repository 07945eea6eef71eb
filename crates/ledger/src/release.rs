//! Releasing: windows, claims, and giving claims back.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{Epoch, SenderId};
use paceline_store::{
    StoreResult,
    leases::Fenced,
    release::{Claim, PutOff, ReleaseRound, ReleaseStore, ReleasedMessage, Room, Windows},
};

use crate::{Database, Ledger, waiting};

mod claim;
mod fleet;

#[async_trait]
impl<D: Database> ReleaseStore for Ledger<D> {
    async fn list_windows(&self) -> StoreResult<Windows> {
        Ok(self.database.list_windows().await?)
    }

    async fn list_windows_of(&self, senders: &[SenderId]) -> StoreResult<Windows> {
        if senders.is_empty() {
            return Ok(Windows::default());
        }
        Ok(self.database.list_windows_of(senders).await?)
    }

    async fn claim_due(
        &self,
        round: ReleaseRound,
        rooms: &[Room],
        due_before: DateTime<Utc>,
        hold: Duration,
    ) -> StoreResult<Vec<ReleasedMessage>> {
        let rooms: Vec<Room> = rooms.iter().copied().filter(|room| room.room > 0).collect();
        if rooms.is_empty() {
            return Ok(Vec::new());
        }
        self.write(move |tx| Box::pin(claim::claim(tx, round, rooms, (due_before, hold)))).await
    }

    async fn give_back(&self, claims: &[Claim], put_off: PutOff) -> StoreResult<()> {
        if claims.is_empty() {
            return Ok(());
        }
        let claims = claims.to_vec();
        self.write(move |tx| Box::pin(async move { waiting::give_back(tx, &claims, put_off).await })).await
    }

    async fn reclaim_lost(&self, sender: SenderId, epoch: Epoch, left: Duration) -> StoreResult<Fenced<u64>> {
        self.write(move |tx| Box::pin(waiting::reclaim_lost(tx, sender, epoch, left))).await
    }

    async fn void_releases(&self) -> StoreResult<u64> {
        let mut voided = 0;
        loop {
            match self.write(|tx| Box::pin(waiting::void_some_releases(tx))).await? {
                0 => return Ok(voided),
                some => voided += some,
            }
        }
    }
}
