//! The sends that wait for an answer, and on which side of the socket each stands.
//!
//! Handing a send to the socket and withdrawing it exclude each other under one lock: that is what makes "not sent" a
//! proof. No lock is held across a wait.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use paceline_channel::{Accepted, SendError};
use tokio::sync::oneshot;

pub(crate) type Answer = Result<Accepted, SendError>;

/// Where the session stands, as far as sends are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Pairing,
    Up,
    Over,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Queued,
    /// Handed to the socket: the network may have it.
    Written,
}

struct Waiting {
    stage: Stage,
    answer: oneshot::Sender<Answer>,
}

/// The sends of one session.
pub(crate) struct Sends {
    table: Mutex<Table>,
}

struct Table {
    phase: Phase,
    next: u64,
    waiting: HashMap<u64, Waiting>,
}

impl Sends {
    pub(crate) fn new() -> Self {
        Self { table: Mutex::new(Table { phase: Phase::Pairing, next: 1, waiting: HashMap::new() }) }
    }

    /// Enters a send; its number, and where its answer will come.
    pub(crate) fn enter(&self) -> Result<(u64, oneshot::Receiver<Answer>), SendError> {
        let mut table = self.lock();
        match table.phase {
            Phase::Over => return Err(SendError::SessionOver),
            Phase::Pairing => return Err(unsent("the sender is not paired yet")),
            Phase::Up => {}
        }
        let n = table.next;
        table.next += 1;
        let (answer, answered) = oneshot::channel();
        table.waiting.insert(n, Waiting { stage: Stage::Queued, answer });
        Ok((n, answered))
    }

    /// Marks the sends of a frame as handed to the socket; drops those that were withdrawn meanwhile.
    pub(crate) fn retain_for_writing<T>(&self, frame: &mut Vec<T>, number: impl Fn(&T) -> u64) {
        let mut table = self.lock();
        frame.retain(|send| {
            let found = table.waiting.get_mut(&number(send));
            found.map(|waiting| waiting.stage = Stage::Written).is_some()
        });
    }

    /// Gives up waiting. What the caller may say about the send; `None` when it was answered already.
    pub(crate) fn withdraw(&self, n: u64) -> Option<SendError> {
        let mut table = self.lock();
        let waiting = table.waiting.remove(&n)?;
        Some(match waiting.stage {
            Stage::Queued if table.phase == Phase::Over => SendError::SessionOver,
            Stage::Queued => unsent("the connection did not take it in time"),
            Stage::Written => SendError::Unknown,
        })
    }

    /// The network answered. An answer that nobody waits for any more is dropped.
    pub(crate) fn answer(&self, n: u64, answer: Answer) {
        if let Some(waiting) = self.lock().waiting.remove(&n) {
            let _ = waiting.answer.send(answer);
        }
    }

    /// Sends may come.
    pub(crate) fn open(&self) {
        let mut table = self.lock();
        if table.phase == Phase::Pairing {
            table.phase = Phase::Up;
        }
    }

    /// The session is over: nothing more is handed to the socket. Sends that were, may still be answered.
    pub(crate) fn close(&self) {
        let mut table = self.lock();
        table.phase = Phase::Over;
        let queued: Vec<_> = table.waiting.extract_if(|_, waiting| waiting.stage == Stage::Queued).collect();
        drop(table);
        for (_, waiting) in queued {
            let _ = waiting.answer.send(Err(SendError::SessionOver));
        }
    }

    /// The connection is gone: nothing will be answered any more.
    pub(crate) fn end(&self) {
        self.close();
        let rest = std::mem::take(&mut self.lock().waiting);
        for (_, waiting) in rest {
            let _ = waiting.answer.send(Err(SendError::Unknown));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // A poisoned lock means that a thread panicked between two plain assignments; the table is whole.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn unsent(reason: &str) -> SendError {
    SendError::Unsent { reason: reason.to_owned(), retry_after: None }
}

#[cfg(test)]
mod tests {
    use super::{SendError, Sends};

    fn open() -> Sends {
        let sends = Sends::new();
        sends.open();
        sends
    }

    #[test]
    fn a_send_that_was_withdrawn_is_not_written() {
        let sends = open();
        let (n, _answered) = sends.enter().expect("entered");
        assert!(matches!(sends.withdraw(n), Some(SendError::Unsent { .. })));
        let mut frame = vec![n];
        sends.retain_for_writing(&mut frame, |n| *n);
        assert!(frame.is_empty());
    }

    #[test]
    fn a_send_that_was_written_is_unknown_when_given_up() {
        let sends = open();
        let (n, _answered) = sends.enter().expect("entered");
        sends.retain_for_writing(&mut vec![n], |n| *n);
        assert_eq!(sends.withdraw(n), Some(SendError::Unknown));
    }

    #[test]
    fn the_end_of_a_session_tells_queued_and_written_sends_apart() {
        let sends = open();
        let (written, mut first) = sends.enter().expect("entered");
        let (_queued, mut second) = sends.enter().expect("entered");
        sends.retain_for_writing(&mut vec![written], |n| *n);
        sends.end();
        assert_eq!(first.try_recv().expect("answered"), Err(SendError::Unknown));
        assert_eq!(second.try_recv().expect("answered"), Err(SendError::SessionOver));
        assert_eq!(sends.enter().err(), Some(SendError::SessionOver));
    }
}
