//! What nobody could work on, and why.

use crate::words::words;

words! {
    /// What a dead letter holds.
    pub enum DeadLetterKind("kind of dead letter") {
        /// A job. Its messages wait again.
        Job = "job",
        /// A result, which is applied when it is replayed.
        Result = "result",
        /// Bytes that this release of Paceline cannot read.
        Unreadable = "unreadable",
    }
}

words! {
    /// Why a letter is dead.
    pub enum DeathReason("reason of death") {
        /// It was delivered too often, as what breaks whoever works on it.
        DeliveryLimit = "delivery_limit",
        /// It could not be read.
        Unreadable = "unreadable",
        /// The store refused it to the end.
        Refused = "refused",
        /// The broker dropped it for another reason: it was too old, or its queue too long.
        Dropped = "dropped",
    }
}
