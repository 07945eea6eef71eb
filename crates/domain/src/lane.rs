//! Which of a sender's messages goes first.

crate::words::words! {
    /// A sender's lanes, first to last: a person who wrote waits for nobody, a campaign waits for everybody.
    pub enum Lane("lane") {
        /// An answer to someone who wrote to us.
        Reply = "reply",
        /// One message that a customer's system asked for.
        Transactional = "transactional",
        /// A message of a campaign.
        Campaign = "campaign",
    }
}
