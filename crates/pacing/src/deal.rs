//! Dealing: which sender is given which message, and in which order many campaigns take turns.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    hash::Hash,
};

use paceline_domain::SenderId;

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

/// Deals messages out: each, in order, to the allowed sender with the most free capacity that still has room. `allowed` answers
/// whether the message at an index may go to the room at an index. Returns the room's index for each message, or `None`.
pub fn assign(rooms: &[Room], messages: usize, allowed: impl Fn(usize, usize) -> bool) -> Vec<Option<usize>> {
    // Highest free capacity first; among equals the earlier room, so that a deal can be repeated.
    let mut heap: BinaryHeap<(u32, Reverse<usize>, u32)> = rooms
        .iter()
        .enumerate()
        .filter(|(_, room)| room.room > 0)
        .map(|(index, room)| (room.free, Reverse(index), room.room))
        .collect();
    (0..messages)
        .map(|message| {
            let mut passed_over = Vec::new();
            let mut taken = None;
            while let Some((free, Reverse(index), room)) = heap.pop() {
                if allowed(message, index) {
                    if room > 1 {
                        heap.push((free.saturating_sub(1), Reverse(index), room - 1));
                    }
                    taken = Some(index);
                    break;
                }
                passed_over.push((free, Reverse(index), room));
            }
            heap.extend(passed_over);
            taken
        })
        .collect()
}

/// Puts items in the order in which their groups take turns: the first of each group, then the second of each, and so on. Groups come in
/// the order of their first items, the items of a group in the order that `rank` gives.
pub fn in_turn<T, G: Eq + Hash, R: Ord>(items: Vec<T>, group: impl Fn(&T) -> G, rank: impl Fn(&T) -> R) -> Vec<T> {
    let mut places: HashMap<G, usize> = HashMap::new();
    let mut groups: Vec<Vec<T>> = Vec::new();
    for item in items {
        let place = *places.entry(group(&item)).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(items) => items.push(item),
            None => groups.push(vec![item]),
        }
    }
    let sorted = groups.into_iter().map(|mut items| {
        items.sort_by_key(&rank);
        items.into_iter()
    });
    let mut queues: Vec<_> = sorted.collect();
    let mut dealt = Vec::new();
    while !queues.is_empty() {
        queues.retain_mut(|queue| {
            dealt.extend(queue.next());
            queue.len() > 0
        });
    }
    dealt
}

#[cfg(test)]
mod tests {
    use paceline_domain::SenderId;

    use super::{Room, assign, in_turn};

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

    #[test]
    fn groups_take_turns_until_each_is_empty() {
        let items = vec![("b", 2), ("a", 3), ("b", 1), ("a", 4), ("b", 5), ("c", 0)];
        let dealt = in_turn(items, |item| item.0, |item| item.1);
        assert_eq!(dealt, [("b", 1), ("a", 3), ("c", 0), ("b", 2), ("a", 4), ("b", 5)]);
    }

    #[test]
    fn nothing_is_dealt_of_nothing() {
        assert_eq!(in_turn(Vec::<u8>::new(), |item| *item, |item| *item), [0_u8; 0]);
    }
}
