//! The releaser's role: claims on messages that are due soon, bound to the sender with the most free capacity.

use std::{collections::BinaryHeap, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{Address, CampaignId, Epoch, Generation, Lane, MessageId, SenderId};

use crate::{StoreResult, leases::Fenced, senders::Sender};

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

/// How much a sender may be given now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// The sender.
    pub sender: SenderId,
    /// The most messages it may be given.
    pub room: u32,
    /// Its free capacity: who has more goes first.
    pub free: u32,
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

    /// Claims messages that are due before `due_before` for the senders that have room, in one transaction: lanes first
    /// to last, then `not_before` and id, running campaigns in turn. Messages bound to a sender go to it alone; the others are bound by
    /// [`assign`] to senders of their pool. A sender that is not connected (any more) is passed over. The claims run out after
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
    async fn reclaim_missing(&self, sender: SenderId, epoch: Epoch, left: Duration) -> StoreResult<Fenced<u64>>;

    /// Gives every claim back: the broker is known to be empty, as an embedded one is at its start. Answers how many.
    async fn void_releases(&self) -> StoreResult<u64>;
}

/// Deals messages out: each, in order, to the allowed sender with the most free capacity that still has room. `allowed` answers
/// whether the message at an index may go to the room at an index. Returns the room's index for each message, or `None`.
pub fn assign(rooms: &[Room], messages: usize, allowed: impl Fn(usize, usize) -> bool) -> Vec<Option<usize>> {
    // Highest free capacity first; among equals the earlier room, so that a deal can be repeated.
    let mut heap: BinaryHeap<(u32, std::cmp::Reverse<usize>, u32)> = rooms
        .iter()
        .enumerate()
        .filter(|(_, room)| room.room > 0)
        .map(|(index, room)| (room.free, std::cmp::Reverse(index), room.room))
        .collect();
    (0..messages)
        .map(|message| {
            let mut passed_over = Vec::new();
            let mut taken = None;
            while let Some((free, std::cmp::Reverse(index), room)) = heap.pop() {
                if allowed(message, index) {
                    if room > 1 {
                        heap.push((free.saturating_sub(1), std::cmp::Reverse(index), room - 1));
                    }
                    taken = Some(index);
                    break;
                }
                passed_over.push((free, std::cmp::Reverse(index), room));
            }
            heap.extend(passed_over);
            taken
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use paceline_domain::SenderId;

    use super::{Room, assign};

    fn room(byte: u8, room: u32, free: u32) -> Room {
        Room { sender: SenderId::from_bytes([byte; 16]), room, free }
    }

    #[test]
    fn the_sender_with_the_most_free_capacity_goes_first_and_equals_take_turns() {
        let rooms = [room(1, 8, 10), room(2, 8, 12)];
        assert_eq!(assign(&rooms, 5, |_, _| true), [Some(1), Some(1), Some(0), Some(1), Some(0)]);
    }

    #[test]
    fn a_sender_without_room_is_given_nothing() {
        let rooms = [room(1, 0, 100), room(2, 1, 1)];
        assert_eq!(assign(&rooms, 2, |_, _| true), [Some(1), None]);
    }

    #[test]
    fn a_message_goes_to_an_allowed_sender_only() {
        let rooms = [room(1, 2, 100), room(2, 2, 1)];
        assert_eq!(assign(&rooms, 3, |message, sender| message != 0 || sender == 1), [Some(1), Some(0), Some(0)]);
    }
}
