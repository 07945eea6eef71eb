//! Gates: locks on what has no row, or a row that too many would lock.
//!
//! Many pass a gate at once, one closes it, and whoever waits stands in a queue. A row would not do: one that many transactions lock
//! for sharing, each a little longer than the one before, is never free for the one that wants to change it, and a suppression
//! that is not written yet has no row.
//!
//! - An intent passes the gates of its messages' **campaigns**; a pause or a cancellation closes the campaign's.
//! - An intent passes the gates of its messages' **people**, and so does a message that is accepted; a suppression closes the person's.
//!
//! Gates are passed before what they guard is read, in a statement of their own. Two campaigns, or two people, may share a gate; they
//! then only wait for each other without need.

use async_trait::async_trait;
use paceline_domain::{AddressHash, CampaignId, MessageId};

use crate::Fallible;

/// What a gate guards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// The state of a campaign.
    Campaign(CampaignId),
    /// Whether a person is suppressed.
    Person(AddressHash),
}

/// Statements of a transaction. A database with a single writer has nothing to do.
#[async_trait]
pub trait GateRows {
    /// Passes gates: whoever wants to close one waits until this transaction ends.
    async fn pass_gates(&mut self, gates: &[Gate]) -> Fallible<()>;

    /// Passes the gates of messages' campaigns and people.
    async fn pass_gates_of(&mut self, messages: &[MessageId]) -> Fallible<()>;

    /// Closes gates: waits until those that have passed are done, and lets nobody pass until this transaction ends.
    async fn close_gates(&mut self, gates: &[Gate]) -> Fallible<()>;
}
