//! A sender's events, each kept until the session acknowledges it.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};

/// One event, as kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) at: DateTime<Utc>,
    pub(crate) body: Body,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Body {
    Receipt { id: Box<str>, kind: ReceiptWord },
    Inbound { id: Box<str>, from: Box<str>, text: Box<str> },
}

/// What a receipt says, in the wire's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReceiptWord {
    Delivered,
    Read,
}

/// Events by number, in order. Numbers rise by one and are never used twice while the simulator runs.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// The number of the first slot of `kept`.
    first: u64,
    kept: VecDeque<Option<Event>>,
    unacknowledged: usize,
}

impl Outbox {
    pub(crate) fn push(&mut self, event: Event) {
        self.kept.push_back(Some(event));
        self.unacknowledged += 1;
    }

    /// Forgets an event; whether it was there.
    pub(crate) fn acknowledge(&mut self, number: u64) -> bool {
        let slot = number
            .checked_sub(self.first)
            .and_then(|index| usize::try_from(index).ok())
            .and_then(|index| self.kept.get_mut(index));
        let found = slot.is_some_and(|slot| slot.take().is_some());
        self.unacknowledged -= usize::from(found);
        while self.kept.front().is_some_and(Option::is_none) {
            self.kept.pop_front();
            self.first += 1;
        }
        if self.kept.is_empty() {
            // A burst must not keep its memory for ever.
            self.kept.shrink_to(64);
        }
        found
    }

    /// Up to `limit` events from number `cursor` on, and the cursor behind them.
    pub(crate) fn list_from(&self, cursor: u64, limit: usize) -> (Vec<(u64, Event)>, u64) {
        let start = cursor.max(self.first);
        let skip = usize::try_from(start - self.first).unwrap_or(usize::MAX);
        let mut next = start;
        let mut found = Vec::new();
        for slot in self.kept.iter().skip(skip) {
            if found.len() == limit {
                break;
            }
            if let Some(event) = slot {
                found.push((next, event.clone()));
            }
            next += 1;
        }
        (found, next)
    }

    /// How many events wait for an acknowledgement.
    pub(crate) fn unacknowledged(&self) -> usize {
        self.unacknowledged
    }
}

#[cfg(test)]
mod tests {
    use super::{Body, Event, Outbox};

    fn event(id: &str) -> Event {
        let body = Body::Inbound { id: id.into(), from: "+15550177".into(), text: "hi".into() };
        Event { at: chrono::DateTime::UNIX_EPOCH, body }
    }

    #[test]
    fn what_was_acknowledged_is_not_listed_again() {
        let mut outbox = Outbox::default();
        for id in ["a", "b", "c"] {
            outbox.push(event(id));
        }
        assert!(outbox.acknowledge(1));
        assert!(!outbox.acknowledge(1), "only once");
        let numbers = |outbox: &Outbox| outbox.list_from(0, 9).0.iter().map(|(n, _)| *n).collect::<Vec<_>>();
        assert_eq!(numbers(&outbox), [0, 2]);
        assert!(outbox.acknowledge(0));
        assert_eq!(numbers(&outbox), [2]);
        outbox.push(event("d"));
        assert_eq!(numbers(&outbox), [2, 3]);
        assert_eq!(outbox.unacknowledged(), 2);
    }

    #[test]
    fn a_list_goes_on_behind_its_cursor() {
        let mut outbox = Outbox::default();
        for id in ["a", "b", "c"] {
            outbox.push(event(id));
        }
        let (first, cursor) = outbox.list_from(0, 2);
        assert_eq!((first.len(), cursor), (2, 2));
        assert_eq!(outbox.list_from(cursor, 2).0[0].0, 2);
    }
}
