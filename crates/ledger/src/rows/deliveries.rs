//! Webhook deliveries, as their dispatcher sees them. A claim is a token and a time; its holder shows the token when it records the
//! outcome.

use std::time::Duration;

use async_trait::async_trait;
use paceline_domain::{DeliveryId, EndpointId, EventId, EventKind, WorkspaceId};
use paceline_store::{deliveries::ClaimedDelivery, endpoints::DeliveryState};

use crate::{Fallible, locks::Locked};

/// A delivery that whoever shows the token has claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldDeliveryRow {
    /// The row.
    pub seq: i64,
    /// The delivery.
    pub id: DeliveryId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// The endpoint.
    pub endpoint: EndpointId,
    /// How often it was tried before.
    pub attempts: i32,
    /// The event.
    pub event: EventId,
    /// Its kind.
    pub kind: EventKind,
}

/// What came of a try.
#[derive(Debug)]
pub struct TryWrite<'t> {
    /// The delivery.
    pub delivery: &'t Locked<HeldDeliveryRow>,
    /// Its state.
    pub state: DeliveryState,
    /// The status of the answer.
    pub status: Option<u16>,
    /// What went wrong.
    pub error: Option<&'t str>,
    /// How long from now the next try is; `None`: there is none.
    pub next_in: Option<Duration>,
}

/// Statements of a transaction.
#[async_trait]
pub trait DeliveryRows {
    /// Claims deliveries that are due for `hold` from now, the earliest due first, at most `limit`, and no more than `per_endpoint` claims of one
    /// endpoint that hold at once. Skips what others hold locked.
    async fn claim_deliveries(
        &mut self,
        limit: u32,
        per_endpoint: u32,
        hold: Duration,
    ) -> Fallible<Vec<ClaimedDelivery>>;

    /// Locks deliveries whose claims have these tokens, by id, each with its place among those asked for.
    async fn lock_claimed_deliveries(
        &mut self,
        claims: &[(DeliveryId, i64)],
    ) -> Fallible<Vec<(usize, Locked<HeldDeliveryRow>)>>;

    /// Writes what came of tries, one more each, and ends the claims.
    async fn write_tries(&mut self, tries: &[TryWrite<'_>]) -> Fallible<()>;
}

/// Statements outside of transactions.
#[async_trait]
pub trait DeliveryReads {
    /// Whether any delivery is due.
    async fn has_due_deliveries(&self) -> Fallible<bool>;
}
