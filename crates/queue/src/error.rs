//! What can go wrong at the broker, by what the caller can do about it.

/// The result of a queue method.
pub type QueueResult<T> = Result<T, QueueError>;

/// What can go wrong at the broker.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The broker cannot be reached, or blocks publishers. What was being published may or may not arrive: publish it again.
    #[error("the broker is unavailable: {reason}")]
    Unavailable {
        /// What to tell the operator, without credentials.
        reason: String,
        /// The driver's error.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The broker refuses what was asked for, and will refuse it again: a queue with other arguments, a missing permission.
    #[error("the broker refused: {reason}; {cure}")]
    Refused {
        /// What was refused.
        reason: String,
        /// What an operator can do about it.
        cure: String,
    },
}
