//! Why an actor stops what it is doing.

/// Why the actor stops what it is doing, by what comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// An attempt was left open, or may have been: settle before the next new send.
    Settle,
    /// The profile changed.
    Profile,
    /// The consumer ended, and what was in hand comes again: make it again.
    ConsumerEnded,
    /// The session is over, or no good.
    SessionOver,
    /// The lease is not held any more.
    LeaseOver,
}
