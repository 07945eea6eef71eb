//! Health and figures.

use async_trait::async_trait;
use paceline_domain::DeadLetterKind;
use paceline_ledger::{
    Fallible,
    rows::{HealthReads, HealthRows, OtherFigures},
};
use paceline_store::{dead_letters::DeadLetter, endpoints::DeliveryState};

use super::{Memory, Tables};

#[async_trait]
impl HealthRows for Tables {
    async fn write_probe(&mut self) -> Fallible<()> {
        Ok(())
    }
}

#[async_trait]
impl HealthReads for Memory {
    async fn read_probe(&self) -> Fallible<()> {
        self.read().await.map(drop)
    }

    async fn figures(&self) -> Fallible<OtherFigures> {
        let tables = self.read().await?;
        let now = tables.now;
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let waits = |letter: &&DeadLetter| letter.replayed_at.is_none() && letter.body.kind() != DeadLetterKind::Job;
        Ok(OtherFigures {
            leases_held: count(tables.senders.values().filter(|entry| entry.holder(now).is_some()).count()),
            outbox_age: tables.oldest_unapplied().map(|at| (now - at).to_std().unwrap_or_default()),
            deliveries_waiting: count(
                tables.deliveries.values().filter(|entry| entry.state == DeliveryState::Waiting).count(),
            ),
            dead_letters: count(tables.dead_letters.values().filter(waits).count()),
            events_unnumbered: count(tables.unnumbered().count()),
        })
    }
}
