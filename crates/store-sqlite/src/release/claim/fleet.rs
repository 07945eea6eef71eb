//! The fleet while it is being served: what room each sender has left, and who may take what.

use std::collections::{BTreeMap, HashMap, HashSet};

use paceline_domain::{PoolId, SenderId};
use paceline_store::release::{Room, assign};

use super::{Due, Taken};
use crate::{cells::Cells, error::Fallible, transaction::Tx, values::json_blobs};

/// The most messages that one call claims.
const MAX_CLAIMS: u32 = 4_096;

/// The senders that may be given something.
pub(super) struct Fleet {
    rooms: Vec<Room>,
    /// The pools of each room.
    pub(super) pools: Vec<HashSet<PoolId>>,
    index: HashMap<SenderId, usize>,
    /// The senders that have messages of their own.
    with_bound: Vec<SenderId>,
    /// What may still be claimed by this call.
    pub(super) left: u32,
}

impl Tx {
    pub(super) async fn find_fleet(&mut self, rooms: Vec<Room>) -> Fallible<Fleet> {
        let query = sqlx::query(
            "SELECT s.id, pm.pool_id, EXISTS (SELECT 1 FROM messages m INDEXED BY messages_due_bound \
                WHERE m.sender_id = s.id AND m.state = 'waiting' AND m.release_deadline IS NULL) AS has_bound \
             FROM json_each(?1) j CROSS JOIN senders s ON s.id = unhex(j.value) \
             LEFT JOIN pool_members pm ON pm.sender_id = s.id WHERE s.state = 'active' \
                AND s.session_state = 'connected'",
        );
        let wanted: Vec<Room> = rooms.into_iter().filter(|room| room.room > 0).collect();
        let query = query.bind(json_blobs(wanted.iter().map(|room| room.sender.to_bytes())));
        let mut active: HashMap<SenderId, HashSet<PoolId>> = HashMap::new();
        let mut with_bound = Vec::new();
        for row in &self.all(query).await? {
            let cells = Cells::new("senders", row);
            let sender = cells.id("id")?;
            let first_row = !active.contains_key(&sender);
            active.entry(sender).or_default().extend(cells.opt_id("pool_id")?);
            if first_row && cells.flag("has_bound")? {
                with_bound.push(sender);
            }
        }
        let rooms: Vec<Room> = wanted.into_iter().filter(|room| active.contains_key(&room.sender)).collect();
        let pools = rooms.iter().map(|room| active.get(&room.sender).cloned().unwrap_or_default()).collect();
        let index = rooms.iter().enumerate().map(|(index, room)| (room.sender, index)).collect();
        Ok(Fleet { rooms, pools, index, with_bound, left: MAX_CLAIMS })
    }
}

impl Fleet {
    /// The most messages that the senders of a pool may take.
    pub(super) fn room_of(&self, pool: PoolId) -> u32 {
        let members = self.rooms.iter().zip(&self.pools).filter(|(_, pools)| pools.contains(&pool));
        let room = members.fold(0_u32, |sum, (room, _)| sum.saturating_add(room.room));
        room.min(self.left)
    }

    /// The senders with messages of their own, in groups of like room, each with the most that one of them may take.
    pub(super) fn bound_by_room(&self) -> Vec<(Vec<[u8; 16]>, u32)> {
        let mut groups: BTreeMap<u32, Vec<[u8; 16]>> = BTreeMap::new();
        for sender in &self.with_bound {
            let room = self.index.get(sender).map_or(0, |&index| self.rooms[index].room);
            if room > 0 && self.left > 0 {
                groups.entry(room.min(self.left).next_power_of_two()).or_default().push(sender.to_bytes());
            }
        }
        groups.into_iter().map(|(most, senders)| (senders, most)).collect()
    }

    pub(super) fn take_bound(&mut self, due: Vec<Due>, taken: &mut Taken) {
        for due in due {
            let Some(sender) = due.bound_to else { continue };
            let Some(&index) = self.index.get(&sender) else { continue };
            if self.take_room(index) {
                taken.push((due, sender));
            }
        }
    }

    pub(super) fn take_free(&mut self, mut due: Vec<Due>, taken: &mut Taken) {
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
