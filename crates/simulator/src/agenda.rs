//! What is due when: one heap for everything that people will do, one entry per message, and one task that waits for the
//! earliest. A task per event would not carry ten thousand sends a second.

use std::{
    cmp::{Ordering, Reverse},
    collections::{BTreeSet, BinaryHeap},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use crate::{FaultId, network::Network, outbox::ReceiptWord};

/// Microseconds of campaign time since the epoch.
pub(crate) type Micros = i64;

/// The next thing that a person does with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Receipt(ReceiptWord),
    Reply,
}

/// A message that a person has yet to do something with.
#[derive(Debug)]
pub(crate) struct Course {
    pub(crate) sender: u32,
    pub(crate) recipient: Box<str>,
    pub(crate) id: Box<str>,
    /// What is still to come, the earliest last.
    pub(crate) steps: Steps,
    pub(crate) doubled: bool,
}

/// At most a delivery, a reading and a reply, the earliest last.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Steps {
    steps: [(Micros, Step); 3],
    left: u8,
}

impl Steps {
    /// Sorted by time; of two at the same time, the first given comes first.
    pub(crate) fn new(given: [Option<(Micros, Step)>; 3]) -> Self {
        let mut steps = [(0, Step::Reply); 3];
        let mut left = 0;
        for step in given.into_iter().rev().flatten() {
            steps[left] = step;
            left += 1;
        }
        steps[..left].sort_by_key(|(at, _)| Reverse(*at));
        Self { steps, left: u8::try_from(left).unwrap_or(3) }
    }

    fn next(&self) -> Option<(Micros, Step)> {
        let index = usize::from(self.left).checked_sub(1)?;
        Some(self.steps[index])
    }
}

struct Entry {
    at: Micros,
    /// Entries that are due at the same time go in the order in which they came.
    order: u64,
    course: Course,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        // Reversed: the heap's greatest is the earliest.
        (other.at, other.order).cmp(&(self.at, self.order))
    }
}

/// What is due when.
#[derive(Default)]
pub(crate) struct Agenda {
    heap: BinaryHeap<Entry>,
    order: u64,
    /// Faults that begin later; not counted as something that people will do.
    faults: BTreeSet<(Micros, FaultId)>,
}

impl Agenda {
    /// Puts a message's next step down; nothing when it has none.
    pub(crate) fn add(&mut self, course: Course) {
        if let Some((at, _)) = course.steps.next() {
            self.order += 1;
            self.heap.push(Entry { at, order: self.order, course });
        }
    }

    pub(crate) fn add_fault(&mut self, at: DateTime<Utc>, fault: FaultId) {
        self.faults.insert((at.timestamp_micros(), fault));
    }

    /// The next step that is due at `now`, with its time. The course goes on with [`Agenda::add`].
    pub(crate) fn take_step(&mut self, now: DateTime<Utc>) -> Option<(Micros, Step, Course)> {
        if self.heap.peek()?.at > now.timestamp_micros() {
            return None;
        }
        let mut entry = self.heap.pop()?;
        let (at, step) = entry.course.steps.next()?;
        entry.course.steps.left -= 1;
        if self.heap.is_empty() {
            // A burst must not keep its memory for ever.
            self.heap.shrink_to(64);
        }
        Some((at, step, entry.course))
    }

    pub(crate) fn take_fault(&mut self, now: DateTime<Utc>) -> Option<FaultId> {
        let due = *self.faults.first()?;
        (due.0 <= now.timestamp_micros()).then(|| {
            self.faults.remove(&due);
            due.1
        })
    }

    /// How many messages somebody will still do something with.
    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    /// When a person next does something.
    pub(crate) fn next_at(&self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_micros(self.heap.peek()?.at)
    }

    /// When something is next due, a fault's beginning included.
    pub(crate) fn next_due(&self) -> Option<DateTime<Utc>> {
        let fault = self.faults.first().and_then(|(at, _)| DateTime::from_timestamp_micros(*at));
        self.next_at().into_iter().chain(fault).min()
    }
}

/// Does what is due, until stopped.
pub(crate) async fn run(network: Arc<Network>, stop: CancellationToken) {
    loop {
        let next = network.run_due();
        let due = async {
            match next {
                Some(at) => network.clock.sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = network.agenda_changed.notified() => {}
            () = due => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Agenda, Course, Step, Steps};
    use crate::outbox::ReceiptWord;
    use chrono::DateTime;

    #[test]
    fn steps_come_in_order_of_time_and_then_as_given() {
        let mut agenda = Agenda::default();
        let steps = [
            Some((5, Step::Receipt(ReceiptWord::Delivered))),
            Some((5, Step::Receipt(ReceiptWord::Read))),
            Some((3, Step::Reply)),
        ];
        let steps = Steps::new(steps);
        agenda.add(Course { sender: 0, recipient: "+1".into(), id: "A".into(), steps, doubled: false });
        let now = DateTime::from_timestamp_micros(9).expect("a time");
        let mut seen = Vec::new();
        while let Some((at, step, course)) = agenda.take_step(now) {
            seen.push((at, step));
            agenda.add(course);
        }
        let expected =
            [(3, Step::Reply), (5, Step::Receipt(ReceiptWord::Delivered)), (5, Step::Receipt(ReceiptWord::Read))];
        assert_eq!(seen, expected);
        assert_eq!(agenda.len(), 0);
    }
}
