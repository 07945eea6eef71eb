//! How a session stands, and why it is over.

use chrono::{DateTime, Utc};

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SessionStatus {
    /// Not up yet.
    Opening,
    /// Up.
    Connected,
    /// Over.
    Over(Ending),
}

/// Why a session is over, by what is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Open it again soon.
    Disconnected,
    /// Open it again after a long pause: two who take it from each other would be worse.
    Replaced,
    /// Pair again.
    LoggedOut,
    /// Open it again when the suspension is over, if it ever is.
    Suspended(Option<DateTime<Utc>>),
}
