//! What is remembered about a sender between two sends.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

/// A sender's pace, stored with each intent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaceState {
    /// The earliest next send. `None`: never sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_slot: Option<DateTime<Utc>>,
    /// The day, in the sender's time zone, that `spent_today` counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<NaiveDate>,
    /// Sends spent on that day.
    #[serde(default)]
    pub spent_today: u32,
}

/// Why WhatsApp bars a sender at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspension {
    /// When it ends; `None` when it does not.
    pub until: Option<DateTime<Utc>>,
}

impl Suspension {
    /// Whether it has ended by `now`.
    pub fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}
