//! The webhook dispatcher's role.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{DeliveryId, DisableReason, EndpointId, EventId, EventKind};

use crate::StoreResult;

/// A delivery that the caller may try now.
#[derive(Clone, PartialEq)]
pub struct ClaimedDelivery {
    /// The delivery.
    pub id: DeliveryId,
    /// Shown again when the outcome is recorded, so that only the holder of the claim records one.
    pub token: i64,
    /// The endpoint.
    pub endpoint: EndpointId,
    /// Where to post.
    pub url: String,
    /// The signing secret (`whsec_…`).
    pub secret: String,
    /// The event.
    pub event: EventId,
    /// Its kind.
    pub kind: EventKind,
    /// When it happened, in campaign time.
    pub at: DateTime<Utc>,
    /// Its details.
    pub data: serde_json::Value,
    /// How often it was tried before.
    pub attempts: i32,
}

impl std::fmt::Debug for ClaimedDelivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClaimedDelivery").field("id", &self.id).finish_non_exhaustive()
    }
}

/// How a try ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryOutcome {
    /// The delivery.
    pub id: DeliveryId,
    /// The claim's token.
    pub token: i64,
    /// The HTTP status, when there was an answer.
    pub status: Option<u16>,
    /// What happens next.
    pub next: NextTry,
}

/// What happens to a delivery after a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextTry {
    /// Nothing: it was delivered.
    Delivered,
    /// Another try, this long from now in real time.
    Retry {
        /// How long from now.
        after: Duration,
        /// Why this one failed, in words without a body.
        error: String,
    },
    /// Given up; records a `webhook.exhausted` event.
    Exhausted {
        /// Why the last one failed.
        error: String,
    },
    /// Given up, because the endpoint said that it is gone: switches it off.
    Gone {
        /// What it said.
        error: String,
    },
}

/// Webhook deliveries.
#[async_trait]
pub trait DeliveryStore: Send + Sync {
    /// Claims deliveries that are due (real time), oldest first, at most `per_endpoint` of one endpoint counting the claims
    /// that are held already. A claim runs out after `hold`.
    async fn claim_deliveries(
        &self,
        limit: u32,
        per_endpoint: u32,
        hold: Duration,
    ) -> StoreResult<Vec<ClaimedDelivery>>;

    /// Records how tries ended. One whose claim has run out and was taken by another is dropped.
    ///
    /// A delivery that is given up is an event, `webhook.exhausted`, unless what was delivered is itself a report about webhooks. An
    /// endpoint that is gone, or at which a delivery was given up after nothing had reached it for `patience` of real time, is switched
    /// off, with the event `webhook.disabled`. Neither event is delivered to the endpoint that it is about. Answers the endpoints that were
    /// switched off.
    async fn record_deliveries(
        &self,
        outcomes: &[DeliveryOutcome],
        patience: Duration,
        now: DateTime<Utc>,
    ) -> StoreResult<Vec<(EndpointId, DisableReason)>>;
}
