//! A webhook endpoint and its deliveries as the API shows them. The secret is shown by the addition alone.

use chrono::{DateTime, Utc};
use paceline_domain::{DeliveryId, DisableReason, EndpointId, EventId, EventKind};
use paceline_store::endpoints::{Delivery, Disabled, Endpoint};
use serde::Serialize;
use utoipa::ToSchema;

use crate::schemas;

/// A webhook endpoint.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookEndpoint)]
pub(crate) struct EndpointBody {
    /// Its id.
    #[schema(value_type = schemas::EndpointId)]
    id: EndpointId,
    /// Where events are posted.
    url: String,
    /// The events wanted; empty means all.
    #[schema(value_type = Vec<schemas::EventKind>)]
    events: Vec<EventKind>,
    /// When it was added.
    created_at: DateTime<Utc>,
    /// Since when nothing has reached it, in real time; `null` when the last try succeeded.
    failing_since: Option<DateTime<Utc>>,
    /// Why no event is posted to it; `null` while it is on.
    disabled: Option<DisabledBody>,
}

/// A webhook endpoint was switched off.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookEndpointDisabled)]
pub(crate) struct DisabledBody {
    /// When, in real time.
    at: DateTime<Utc>,
    /// `gone`: it answered 410. `failing`: nothing had reached it for a week.
    #[schema(value_type = schemas::DisableReason)]
    reason: DisableReason,
}

/// One event on its way to one webhook endpoint.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookDelivery)]
pub(crate) struct DeliveryBody {
    /// Its id.
    #[schema(value_type = schemas::DeliveryId)]
    id: DeliveryId,
    /// The webhook endpoint.
    #[schema(value_type = schemas::EndpointId)]
    endpoint_id: EndpointId,
    /// The event; also the header `webhook-id`.
    #[schema(value_type = schemas::EventId)]
    event_id: EventId,
    /// The event's type.
    #[schema(value_type = schemas::EventKind)]
    r#type: EventKind,
    /// Where it stands.
    #[schema(value_type = schemas::DeliveryState)]
    state: &'static str,
    /// How often it was tried.
    attempts: i32,
    /// The HTTP status of the last answer.
    last_status: Option<u16>,
    /// Why the last try failed.
    last_error: Option<String>,
    /// When it is tried next, in real time.
    next_at: Option<DateTime<Utc>>,
    /// When the event happened.
    created_at: DateTime<Utc>,
}

impl From<Endpoint> for EndpointBody {
    fn from(endpoint: Endpoint) -> Self {
        Self {
            id: endpoint.id,
            url: endpoint.url,
            events: endpoint.events,
            created_at: endpoint.created_at,
            failing_since: endpoint.failing_since,
            disabled: endpoint.disabled.map(|Disabled { at, reason }| DisabledBody { at, reason }),
        }
    }
}

impl From<Delivery> for DeliveryBody {
    fn from(delivery: Delivery) -> Self {
        Self {
            id: delivery.id,
            endpoint_id: delivery.endpoint,
            event_id: delivery.event,
            r#type: delivery.kind,
            state: delivery.state.as_str(),
            attempts: delivery.attempts,
            last_status: delivery.last_status,
            last_error: delivery.last_error,
            next_at: delivery.next_at,
            created_at: delivery.created_at,
        }
    }
}
