//! What is told about deliveries. A report about an endpoint is not delivered to that endpoint, and of what is delivered about webhooks
//! nothing is told: otherwise one dead receiver would keep itself busy for ever, and two would keep each other.

use chrono::{DateTime, Utc};
use paceline_domain::{DeliveryId, DisableReason, EndpointId, EventId, EventKind, WorkspaceId};
use serde::Serialize;

use super::standing::LastWord;
use crate::{events::NewEvent, rows::HeldDeliveryRow};

#[derive(Serialize)]
struct ExhaustedData<'a> {
    endpoint_id: EndpointId,
    delivery_id: DeliveryId,
    event_id: EventId,
    event_type: EventKind,
    attempts: i64,
    status: Option<u16>,
    error: &'a str,
}

#[derive(Serialize)]
struct DisabledData<'a> {
    endpoint_id: EndpointId,
    reason: DisableReason,
    status: Option<u16>,
    error: &'a str,
}

/// Whether an event is itself a report about webhooks.
const fn is_report(kind: EventKind) -> bool {
    matches!(kind, EventKind::WebhookExhausted | EventKind::WebhookDisabled)
}

/// A delivery was given up; `None`: what was to be delivered is itself a report.
pub(super) fn exhausted(
    delivery: &HeldDeliveryRow,
    status: Option<u16>,
    error: &str,
    now: DateTime<Utc>,
) -> Option<NewEvent> {
    let data = ExhaustedData {
        endpoint_id: delivery.endpoint,
        delivery_id: delivery.id,
        event_id: delivery.event,
        event_type: delivery.kind,
        attempts: i64::from(delivery.attempts) + 1,
        status,
        error,
    };
    let event = NewEvent::new(delivery.workspace, EventKind::WebhookExhausted, now, &data);
    (!is_report(delivery.kind)).then(|| event.about(delivery.endpoint))
}

/// An endpoint was switched off.
pub(super) fn disabled(
    (workspace, endpoint): (WorkspaceId, EndpointId),
    reason: DisableReason,
    last: &LastWord,
    now: DateTime<Utc>,
) -> NewEvent {
    let data = DisabledData { endpoint_id: endpoint, reason, status: last.status, error: &last.error };
    NewEvent::new(workspace, EventKind::WebhookDisabled, now, &data).about(endpoint)
}
