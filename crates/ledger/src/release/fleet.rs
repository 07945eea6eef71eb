//! The fleet while it is being served: what room each sender has left, and who may take what.

use std::collections::{BTreeSet, HashMap, HashSet};

use paceline_domain::{PoolId, SenderId};
use paceline_pacing::{Room, assign};

use crate::rows::{DueRow, TakerRow};

/// The most messages that one call claims.
const MAX_CLAIMS: u32 = 4_096;

/// What is to be claimed, and for whom.
pub(super) type Taken = Vec<(DueRow, SenderId)>;

/// The senders that may be given something.
pub(super) struct Fleet {
    rooms: Vec<Room>,
    /// The pools of each room.
    pools: Vec<HashSet<PoolId>>,
    index: HashMap<SenderId, usize>,
    /// The senders that have messages of their own.
    with_bound: Vec<SenderId>,
    /// What may still be claimed by this call.
    left: u32,
}

impl Fleet {
    /// The senders that have room and may take messages.
    pub(super) fn of(rooms: Vec<Room>, takers: Vec<TakerRow>) -> Self {
        let with_bound = takers.iter().filter(|taker| taker.has_bound).map(|taker| taker.sender).collect();
        let mut pools: HashMap<SenderId, HashSet<PoolId>> =
            takers.into_iter().map(|taker| (taker.sender, taker.pools.into_iter().collect())).collect();
        let found = rooms.into_iter().filter_map(|room| pools.remove(&room.sender).map(|pools| (room, pools)));
        let (rooms, pools): (Vec<Room>, Vec<HashSet<PoolId>>) = found.unzip();
        let index = rooms.iter().enumerate().map(|(index, room)| (room.sender, index)).collect();
        Self { rooms, pools, index, with_bound, left: MAX_CLAIMS }
    }

    /// What may still be claimed by this call.
    pub(super) const fn left(&self) -> u32 {
        self.left
    }

    /// The pools whose senders are here, in order.
    pub(super) fn pools(&self) -> Vec<PoolId> {
        let pools: BTreeSet<PoolId> = self.pools.iter().flatten().copied().collect();
        pools.into_iter().collect()
    }

    /// The most messages that the senders of a pool may take.
    pub(super) fn room_of(&self, pool: PoolId) -> u32 {
        let members = self.rooms.iter().zip(&self.pools).filter(|(_, pools)| pools.contains(&pool));
        let room = members.fold(0_u32, |sum, (room, _)| sum.saturating_add(room.room));
        room.min(self.left)
    }

    /// The senders with messages of their own, each with the most that it may take.
    pub(super) fn bound_rooms(&self) -> Vec<(SenderId, u32)> {
        let room = |sender: &SenderId| self.index.get(sender).map_or(0, |&index| self.rooms[index].room);
        let rooms = self.with_bound.iter().map(|sender| (*sender, room(sender).min(self.left)));
        rooms.filter(|(_, room)| *room > 0).collect()
    }

    /// Gives messages that are bound to senders to these, as far as they have room.
    pub(super) fn take_bound(&mut self, due: Vec<DueRow>, taken: &mut Taken) {
        for due in due {
            let Some(sender) = due.bound_to else { continue };
            let Some(&index) = self.index.get(&sender) else { continue };
            if self.take_room(index) {
                taken.push((due, sender));
            }
        }
    }

    /// Deals messages that any sender of their pool may take.
    pub(super) fn take_free(&mut self, mut due: Vec<DueRow>, taken: &mut Taken) {
        due.truncate(self.left as usize);
        // Rooms that none of the messages may use would only be passed over, message after message.
        let wanted: HashSet<PoolId> = due.iter().filter_map(|due| due.pool).collect();
        let useful: Vec<usize> =
            (0..self.rooms.len()).filter(|&index| !self.pools[index].is_disjoint(&wanted)).collect();
        let rooms: Vec<Room> = useful.iter().map(|&index| self.rooms[index]).collect();
        let allowed = |message: usize, room: usize| {
            due[message].pool.is_some_and(|pool| self.pools[useful[room]].contains(&pool))
        };
        let assigned = assign(&rooms, due.len(), allowed);
        for (due, room) in due.into_iter().zip(assigned) {
            let Some(index) = room.map(|room| useful[room]) else { continue };
            if self.take_room(index) {
                taken.push((due, self.rooms[index].sender));
            }
        }
    }

    fn take_room(&mut self, index: usize) -> bool {
        let room = &mut self.rooms[index];
        if room.room == 0 || self.left == 0 {
            return false;
        }
        room.room -= 1;
        room.free = room.free.saturating_sub(1);
        self.left -= 1;
        true
    }
}
