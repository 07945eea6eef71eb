//! Parcels of many callers, packed into messages, and loaded window by window.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

use lapin::types::ShortString;
use paceline_queue::Publication;

use crate::{batch::Outgoing, wire::Kind};

/// How large a message grows that carries many parcels. A single parcel may be larger.
const BODY_LIMIT: usize = 32 * 1_024;
/// How many jobs go to one queue before the broker has answered. It counts a quorum queue's length late: up to 400 more than
/// its limit were taken when all came at once (3.10.8).
const JOBS_AT_ONCE: usize = 64;
/// How many bytes of a lane are on their way at most: the driver keeps a copy of each.
const BYTES_AT_ONCE: usize = 4 * 1_024 * 1_024;

/// What a caller wants published.
pub(crate) struct Parcel {
    pub(crate) key: ShortString,
    /// A message's body; where parcels are packed together, an element of the array that is the body.
    pub(crate) body: Vec<u8>,
}

/// Messages, and what became of each so far.
pub(crate) struct Freight {
    kind: Kind,
    packed: Vec<Packed>,
    // Not loaded yet, in order.
    waiting: Vec<usize>,
    // Whose queue has said that it is full.
    full: HashSet<ShortString>,
}

struct Packed {
    message: Outgoing,
    parcels: Range<usize>,
    answer: Option<Publication>,
}

impl Freight {
    /// Packs parcels in order. `published` counts all messages of a lane, and makes their ids.
    pub(crate) fn pack<'a>(kind: Kind, parcels: impl Iterator<Item = &'a Parcel>, published: &mut u64) -> Self {
        let mut packed: Vec<Packed> = Vec::new();
        for (index, parcel) in parcels.enumerate() {
            let open = packed.last_mut().filter(|last| kind == Kind::Results && last.has_room_for(parcel));
            if let Some(open) = open {
                open.add(parcel);
            } else {
                *published += 1;
                packed.push(Packed::new(kind, parcel, index, *published));
            }
        }
        if kind == Kind::Results {
            for packed in &mut packed {
                packed.message.body.push(b']');
            }
        }
        let waiting = (0..packed.len()).collect();
        Self { kind, packed, waiting, full: HashSet::new() }
    }

    /// What to publish next; nothing when all is done. What is left of a full queue is rejected without a try.
    pub(crate) fn next_window(&mut self, limit: usize) -> Option<Vec<usize>> {
        let at_once = match self.kind {
            Kind::Jobs => JOBS_AT_ONCE,
            Kind::Results => usize::MAX,
        };
        let mut loaded: HashMap<&ShortString, usize> = HashMap::new();
        let (mut window, mut waiting, mut bytes) = (Vec::new(), Vec::new(), 0);
        for index in std::mem::take(&mut self.waiting) {
            let Outgoing { key, body, .. } = &self.packed[index].message;
            if self.full.contains(key) {
                continue;
            }
            let count = loaded.entry(key).or_default();
            if window.len() < limit && bytes < BYTES_AT_ONCE && *count < at_once {
                *count += 1;
                bytes += body.len();
                window.push(index);
            } else {
                // Nothing overtakes what waits for the same queue.
                *count = at_once;
                waiting.push(index);
            }
        }
        self.waiting = waiting;
        (!window.is_empty()).then_some(window)
    }

    pub(crate) fn messages(&self, window: &[usize]) -> Vec<&Outgoing> {
        window.iter().map(|&index| &self.packed[index].message).collect()
    }

    pub(crate) fn answer(&mut self, window: &[usize], answers: &[Publication]) {
        for (&index, &answer) in window.iter().zip(answers) {
            let packed = &mut self.packed[index];
            packed.answer = Some(answer);
            if answer == Publication::Rejected && self.kind == Kind::Jobs {
                self.full.insert(packed.message.key.clone());
            }
        }
    }

    /// For each parcel, in order.
    pub(crate) fn into_answers(self) -> Vec<Publication> {
        let answers = self.packed.into_iter().flat_map(|packed| {
            let answer = packed.answer.unwrap_or(Publication::Rejected);
            packed.parcels.map(move |_| answer)
        });
        answers.collect()
    }
}

impl Packed {
    fn new(kind: Kind, parcel: &Parcel, index: usize, number: u64) -> Self {
        let id = format!("{}/{number}", parcel.key).into();
        let mut body = Vec::with_capacity(parcel.body.len() + 2);
        if kind == Kind::Results {
            body.push(b'[');
        }
        body.extend_from_slice(&parcel.body);
        let message = Outgoing { key: parcel.key.clone(), id, body };
        Self { message, parcels: index..index + 1, answer: None }
    }

    fn has_room_for(&self, parcel: &Parcel) -> bool {
        self.message.key == parcel.key && self.message.body.len() + parcel.body.len() < BODY_LIMIT
    }

    fn add(&mut self, parcel: &Parcel) {
        self.message.body.push(b',');
        self.message.body.extend_from_slice(&parcel.body);
        self.parcels.end += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parcel(key: &str, body: &str) -> Parcel {
        Parcel { key: key.into(), body: body.into() }
    }

    fn pack(kind: Kind, parcels: &[Parcel]) -> Freight {
        Freight::pack(kind, parcels.iter(), &mut 0)
    }

    #[test]
    fn results_share_a_message_until_it_is_large_and_each_parcel_is_answered() {
        let large = format!("\"{}\"", "x".repeat(BODY_LIMIT / 2));
        let parcels = [parcel("r.0", "1"), parcel("r.0", "2"), parcel("r.0", &large), parcel("r.0", &large)];
        let mut freight = pack(Kind::Results, &parcels);
        let window = freight.next_window(10).unwrap();
        let bodies: Vec<_> = freight.messages(&window).iter().map(|message| message.body.clone()).collect();
        assert_eq!(bodies, [format!("[1,2,{large}]").into_bytes(), format!("[{large}]").into_bytes()]);
        freight.answer(&window, &[Publication::Confirmed, Publication::Returned]);
        assert!(freight.next_window(10).is_none());
        let [kept, lost] = [Publication::Confirmed, Publication::Returned];
        assert_eq!(freight.into_answers(), [kept, kept, kept, lost]);
    }

    #[test]
    fn a_window_holds_so_many_and_so_many_of_one_queue_and_nothing_overtakes() {
        let parcels: Vec<_> = (0..70).map(|_| parcel("a", "1")).chain((0..3).map(|_| parcel("b", "1"))).collect();
        let mut freight = pack(Kind::Jobs, &parcels);
        let first: Vec<_> = (0..64).chain(70..72).collect();
        assert_eq!(freight.next_window(66), Some(first));
        assert_eq!(freight.next_window(66), Some(vec![64, 65, 66, 67, 68, 69, 72]));
        assert_eq!(freight.next_window(66), None);
    }

    #[test]
    fn what_is_left_of_a_full_queue_is_rejected_without_a_try() {
        let parcels: Vec<_> = (0..66).map(|_| parcel("a", "1")).chain([parcel("b", "1")]).collect();
        let mut freight = pack(Kind::Jobs, &parcels);
        let window = freight.next_window(100).unwrap();
        let mut answers = [Publication::Confirmed; 65];
        answers[63] = Publication::Rejected;
        freight.answer(&window, &answers);
        assert!(freight.next_window(100).is_none());
        let answers = freight.into_answers();
        assert_eq!((answers[62], answers[66]), (Publication::Confirmed, Publication::Confirmed));
        assert_eq!(answers[63..66], [Publication::Rejected; 3]);
    }
}
