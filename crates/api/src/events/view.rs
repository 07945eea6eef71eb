//! An event as the API shows it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use paceline_domain::{EventId, EventKind};
use paceline_store::events::Event;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::Api,
    problem::{FieldError, Problem},
    schemas,
};

/// How often the log is read while somebody waits for more of it.
pub(super) const POLL: Duration = Duration::from_millis(200);

/// An event.
#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
pub(crate) struct EventBody {
    /// Its id; also the `webhook-id` of its deliveries.
    #[schema(value_type = schemas::EventId)]
    id: EventId,
    /// Its number, the cursor of this log. Grows; gaps mean nothing.
    sequence: String,
    /// What happened.
    #[schema(value_type = schemas::EventKind)]
    r#type: EventKind,
    /// When, in campaign time.
    at: DateTime<Utc>,
    /// The details: ids, states and, for incoming messages, sender, phone and text.
    #[schema(value_type = Object)]
    data: serde_json::Value,
}

impl From<Event> for EventBody {
    fn from(event: Event) -> Self {
        Self { id: event.id, sequence: event.sequence.to_string(), r#type: event.kind, at: event.at, data: event.data }
    }
}

/// A cursor of the log: a sequence number as text. Nothing means the beginning.
pub(super) fn sequence(parameter: Option<&str>) -> Result<i64, Problem> {
    let Some(text) = parameter.filter(|text| !text.is_empty()) else { return Ok(0) };
    let number = text.parse::<i64>().ok().filter(|&number| number >= 0);
    number.ok_or_else(|| FieldError::parameter("after", "must be the sequence of an event").into())
}

/// Refuses a place that the log has not reached: whoever waits there would hear of nothing until it gets so far, and miss all before.
pub(super) async fn check_within_log(api: &Api, after: i64) -> Result<(), Problem> {
    let last = api.store().last_event().await?;
    if after > last { Err(Problem::BeyondTheLog { last }) } else { Ok(()) }
}
