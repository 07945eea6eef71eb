//! What can go wrong at WhatsApp, by what the caller must do about it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use paceline_domain::FailureReason;

/// Why a session could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The network cannot be reached. Try again.
    #[error("the network cannot be reached: {reason}")]
    Unavailable {
        /// What to tell the operator.
        reason: String,
    },
    /// The credentials are not accepted any more: the sender must be paired again.
    #[error("the session was logged out")]
    LoggedOut,
    /// WhatsApp bars the number until a time, in campaign time.
    #[error("the number is suspended until {until}")]
    Suspended {
        /// When it ends.
        until: DateTime<Utc>,
    },
    /// WhatsApp bars the number for good.
    #[error("the number is banned")]
    Banned,
}

/// Why a send gave no acceptance. All but [`SendError::Unknown`] prove that nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Not sent; may be tried again after a while.
    #[error("not sent: {reason}")]
    Unsent {
        /// What to tell the operator, without the recipient.
        reason: String,
        /// How long to wait, where the network says so.
        retry_after: Option<Duration>,
    },
    /// Not sent: the sender goes too fast for the network. Nothing of this sender may be sent before `until` (campaign time).
    #[error("not sent: throttled until {until}")]
    Throttled {
        /// When it may go on.
        until: DateTime<Utc>,
    },
    /// Refused for good.
    #[error("refused: {0}")]
    Rejected(FailureReason),
    /// The session is over; nothing was sent. An event says why.
    #[error("not sent: the session is over")]
    SessionOver,
    /// Nobody knows: the request left, no answer came. Never retried blindly.
    #[error("the outcome is unknown")]
    Unknown,
}
