//! Releasing: windows, claims, and giving claims back.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use paceline_domain::{
    CampaignId, CampaignState, Epoch, Generation, MessageId, MessageState, SenderId, SenderState, SessionState,
};
use paceline_store::{
    leases::Fenced,
    release::{Claim, PutOff, ReleaseRound, ReleasedMessage, Room, SenderWindow, Windows, assign},
};

use super::{Memory, MessageRow, SenderRow};

impl Memory {
    pub(crate) fn list_windows(&self) -> Windows {
        let window = |row: &SenderRow| {
            let released = self.messages.values().filter(|message| {
                message.sender == Some(row.sender.id) && message.release_deadline.is_some_and(|at| at > self.now)
            });
            SenderWindow {
                sender: row.view(self.now),
                outstanding: u32::try_from(released.count()).unwrap_or(u32::MAX),
            }
        };
        let senders = self.senders.values().filter(|row| can_take(row)).map(window).collect();
        Windows { round: ReleaseRound(self.round), senders }
    }

    pub(crate) fn claim_due(
        &mut self,
        round: ReleaseRound,
        rooms: &[Room],
        due_before: DateTime<Utc>,
        hold: Duration,
    ) -> Vec<ReleasedMessage> {
        if round.0 != self.round {
            return Vec::new();
        }
        let rooms: Vec<Room> =
            rooms.iter().filter(|room| self.senders.get(&room.sender).is_some_and(can_take)).copied().collect();
        let due = self.find_due(due_before);
        let allowed = |message: usize, room: usize| self.may_take(due[message], rooms[room]);
        let assigned = assign(&rooms, due.len(), allowed);
        let deadline = self.after(hold);
        let mut released = Vec::new();
        for (id, room) in due.into_iter().zip(assigned) {
            let (Some(room), Some(message)) = (room, self.messages.get_mut(&id)) else { continue };
            let sender = rooms[room].sender;
            message.sender = Some(sender);
            message.generation = Generation(message.generation.0 + 1);
            message.release_deadline = Some(deadline);
            released.push(ReleasedMessage {
                message: id,
                generation: message.generation,
                sender,
                campaign: message.campaign,
                lane: message.lane,
                to: message.to.clone(),
                chars: message.content.typed_chars(),
            });
        }
        self.round += i64::from(!released.is_empty());
        released
    }

    /// What may be claimed: lanes first to last, campaigns in turn, then by `not_before` and id.
    fn find_due(&self, due_before: DateTime<Utc>) -> Vec<MessageId> {
        let runs = |campaign: CampaignId| {
            self.campaigns.get(&campaign).is_some_and(|campaign| campaign.state == CampaignState::Running)
        };
        let due = |message: &&MessageRow| {
            message.is_unclaimed()
                && message.not_before.is_none_or(|at| at < due_before)
                && message.campaign.is_none_or(runs)
        };
        let mut found: Vec<&MessageRow> = self.messages.values().filter(due).collect();
        found.sort_by_key(|message| (message.not_before, message.id));
        let mut turns: BTreeMap<Option<CampaignId>, u32> = BTreeMap::new();
        let mut ordered: Vec<_> = found
            .into_iter()
            .map(|message| {
                let turn = turns.entry(message.campaign).or_default();
                *turn += 1;
                (message.lane, message.sender.is_none(), *turn, message.id)
            })
            .collect();
        ordered.sort_unstable();
        ordered.into_iter().map(|(_, _, _, id)| id).collect()
    }

    fn may_take(&self, message: MessageId, room: Room) -> bool {
        let (Some(message), Some(row)) = (self.messages.get(&message), self.senders.get(&room.sender)) else {
            return false;
        };
        match message.sender {
            Some(bound) => bound == room.sender,
            None => row.sender.pools.contains(&message.pool),
        }
    }

    pub(crate) fn give_back(&mut self, claims: &[Claim], put_off: PutOff) {
        for claim in claims {
            let Some(message) = self.messages.get_mut(&claim.message) else { continue };
            let held = message.state == MessageState::Waiting
                && message.release_deadline.is_some()
                && message.generation == claim.generation;
            if held {
                message.unclaim();
                message.not_before = put_off.not_before.or(message.not_before);
                message.waits_for = Some(put_off.waits_for);
            }
        }
    }

    pub(crate) fn reclaim_missing(&mut self, sender: SenderId, epoch: Epoch, left: Duration) -> Fenced<u64> {
        let now = self.now;
        if !self.senders.get(&sender).is_some_and(|row| row.holds(epoch, now)) {
            return Fenced::LeaseLost;
        }
        let until = now + TimeDelta::from_std(left).unwrap_or(TimeDelta::MAX);
        let claimed = self.messages.values_mut().filter(|message| message.sender == Some(sender));
        let mut reclaimed = 0;
        for message in claimed.filter(|message| message.release_deadline.is_some_and(|at| at <= until)) {
            message.unclaim();
            reclaimed += 1;
        }
        Fenced::Done(reclaimed)
    }

    pub(crate) fn void_releases(&mut self) -> u64 {
        let mut void = 0;
        for message in self.messages.values_mut().filter(|message| message.release_deadline.is_some()) {
            message.unclaim();
            void += 1;
        }
        void
    }
}

fn can_take(row: &SenderRow) -> bool {
    row.sender.state == SenderState::Active && row.sender.session == SessionState::Connected
}
