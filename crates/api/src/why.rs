//! Why something has or has not been sent, in one code and one sentence. Composed from rows and from the pacer, which is
//! the one implementation of the limits; nothing here decides anything.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use utoipa::ToSchema;

mod campaign;
mod message;
mod sender;

pub(crate) use campaign::of_campaign;
pub(crate) use message::of_message;
pub(crate) use sender::of_sender;

/// Why things stand as they stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Why {
    /// The reason for a machine: `ready`, `gap`, `daily_cap`, `campaign_paused`, `sender_disconnected`, …
    #[schema(value_type = String, example = "daily_cap")]
    pub(crate) code: String,
    /// The reason for a person, in one sentence.
    pub(crate) detail: String,
    /// When it changes by itself, in campaign time, where that is known.
    pub(crate) until: Option<DateTime<Utc>>,
}

impl Why {
    pub(crate) fn new(code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { code: code.into(), detail: detail.into(), until: None }
    }

    pub(crate) fn until(mut self, until: Option<DateTime<Utc>>) -> Self {
        self.until = until;
        self
    }
}

/// A time as sentences have it.
pub(crate) fn told(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// ` until <time>`, or nothing where the end is not known.
fn told_until(until: Option<DateTime<Utc>>) -> String {
    until.map_or_else(String::new, |until| format!(" until {}", told(until)))
}
