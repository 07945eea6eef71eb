//! The releaser's role: claims on messages that are due soon, bound to the sender with the most free capacity.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{Address, CampaignId, Epoch, Generation, Lane, MessageId, SenderId};

use crate::{StoreResult, leases::Fenced, senders::Sender};

pub use paceline_pacing::Room;

/// How long a claim holds: a little longer than a job may be on its way and wait at its worker.
pub const RELEASE_HOLD: Duration = Duration::from_secs(150);

/// Tells one look at the windows from a later one: it changes whenever messages are claimed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReleaseRound(pub i64);

/// The windows of the fleet at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Windows {
    /// Which moment.
    pub round: ReleaseRound,
    /// The senders that may be given messages.
    pub senders: Vec<SenderWindow>,
}

/// A sender that may be given messages, and how many it has been given already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SenderWindow {
    /// The sender.
    pub sender: Sender,
    /// Its messages that are released and not yet intended.
    pub outstanding: u32,
}

/// A released message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleasedMessage {
    /// The message.
    pub message: MessageId,
    /// The release's generation.
    pub generation: Generation,
    /// The sender it is bound to now.
    pub sender: SenderId,
    /// Its campaign.
    pub campaign: Option<CampaignId>,
    /// Its lane.
    pub lane: Lane,
    /// The recipient.
    pub to: Address,
    /// How many characters a person would have typed.
    pub chars: u32,
}

/// A claim to give back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The message.
    pub message: MessageId,
    /// The generation that the claim has; a newer one is left alone.
    pub generation: Generation,
}

/// Why a claim is given back, and until when the message is put off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PutOff {
    /// Not to be released again before this.
    pub not_before: Option<DateTime<Utc>>,
    /// The reason's word, shown to whoever asks why the message waits.
    pub waits_for: &'static str,
}

/// Releasing.
#[async_trait]
pub trait ReleaseStore: Send + Sync {
    /// The active senders that are connected, with what is outstanding.
    async fn list_windows(&self) -> StoreResult<Windows>;

    /// The same of some senders only, so that one who releases all the time need not look at the whole fleet each time.
    async fn list_windows_of(&self, senders: &[SenderId]) -> StoreResult<Windows>;

    /// Claims messages that are due before `due_before` for the senders that have room, in one transaction: lanes first
    /// to last, then `not_before` and the order in which they were accepted or planned, running campaigns in turn. Messages bound to a sender go to it alone; the others are bound by
    /// [`paceline_pacing::assign`] to senders of their pool. A sender that is not connected (any more) is passed over. The claims run out after
    /// `hold` of real time. When another server has claimed since `round`, nothing is claimed, because the rooms are stale:
    /// look at the windows again.
    async fn claim_due(
        &self,
        round: ReleaseRound,
        rooms: &[Room],
        due_before: DateTime<Utc>,
        hold: Duration,
    ) -> StoreResult<Vec<ReleasedMessage>>;

    /// Gives claims back. Unbinds those that are not bound for good (sticky or routed to one sender).
    async fn give_back(&self, claims: &[Claim], put_off: PutOff) -> StoreResult<()>;

    /// Gives the sender's claims back that hold for no longer than `left` from now, for its lease holder, which has nothing in hand and
    /// to which their jobs should have come by now: whoever claimed them died before it published, or the broker has lost them.
    /// Answers how many.
    async fn reclaim_lost(&self, sender: SenderId, epoch: Epoch, left: Duration) -> StoreResult<Fenced<u64>>;

    /// Gives every claim back: the broker is known to be empty, as an embedded one is at its start. Answers how many.
    async fn void_releases(&self) -> StoreResult<u64>;
}
