//! How it stands with the broker, for whoever asks whether this process is ready.

use std::fmt;

use tokio::time::Instant;

/// How it stands with the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BrokerStatus {
    /// Every connection that this process needs is up.
    Connected,
    /// Some connection is not up; it is tried again and again.
    Connecting {
        /// Since when there is none.
        since: Instant,
        /// Why the last try failed, once one has.
        reason: Option<String>,
    },
    /// The broker takes no publishes; consuming goes on.
    Blocked {
        /// Since when.
        since: Instant,
        /// What the broker said.
        reason: String,
    },
}

impl BrokerStatus {
    /// Whether jobs and results can come and go.
    pub const fn is_connected(&self) -> bool {
        matches!(self, Self::Connected)
    }
}

impl fmt::Display for BrokerStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected => f.write_str("connected"),
            Self::Connecting { since, reason: None } => write!(f, "connecting for {}s", since.elapsed().as_secs()),
            Self::Connecting { since, reason: Some(reason) } => {
                write!(f, "connecting for {}s: {reason}", since.elapsed().as_secs())
            }
            Self::Blocked { since, reason } => {
                write!(f, "publishers are blocked for {}s: {reason}", since.elapsed().as_secs())
            }
        }
    }
}
