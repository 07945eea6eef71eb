//! Why a recipient will not be sent to.

use serde::{Deserialize, Serialize};

use crate::SuppressionReason;

/// The one reason why a recipient row is not sent to. An exclusion is not a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Exclusion {
    /// The phone cannot be a phone number.
    InvalidPhone {
        /// What is wrong with it, without the number itself.
        detail: String,
    },
    /// The same person stands in an earlier row.
    Duplicate {
        /// The row number of the earlier row, counted from 1 over all of the campaign's uploads.
        of_row: u64,
    },
    /// The person must not be contacted.
    Suppressed {
        /// Since when, RFC 3339.
        since: chrono::DateTime<chrono::Utc>,
        /// Why.
        why: SuppressionReason,
    },
    /// The template needs a variable that the row does not have.
    MissingVariable {
        /// The variable's name.
        variable: String,
    },
    /// The row could not be read.
    MalformedRow {
        /// What is wrong with it.
        detail: String,
    },
    /// The rendered text is longer than WhatsApp allows, or empty.
    UnsendableText {
        /// How many characters the text would have.
        chars: u64,
    },
    /// The template does more work with this row's values than a message may take.
    RenderTooExpensive {
        /// What is too much.
        detail: String,
    },
    /// The template failed for this row's values.
    RenderFailed {
        /// What the template engine said.
        detail: String,
    },
}

impl Exclusion {
    /// The reason's word, as counted and shown.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::InvalidPhone { .. } => "invalid_phone",
            Self::Duplicate { .. } => "duplicate",
            Self::Suppressed { .. } => "suppressed",
            Self::MissingVariable { .. } => "missing_variable",
            Self::MalformedRow { .. } => "malformed_row",
            Self::UnsendableText { .. } => "unsendable_text",
            Self::RenderTooExpensive { .. } => "render_too_expensive",
            Self::RenderFailed { .. } => "render_failed",
        }
    }
}
