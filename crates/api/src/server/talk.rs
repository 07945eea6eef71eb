//! What a connection's two sides tell each other: the socket, which sees bytes, and the service, which sees requests.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    task::Waker,
};

use futures_util::task::AtomicWaker;

/// Where a connection stands.
#[derive(Debug, Default)]
pub(super) struct Talk {
    /// Requests whose head has reached the service.
    called: AtomicU64,
    /// Requests whose answer has been written, or was given up.
    answered: AtomicU64,
    /// Whether a head has come whole whose answer is not written yet. Whoever is not busy can be shut without loss.
    busy: AtomicBool,
    /// The connection's task, which the parser has told to wait for the socket while it waits for the answer.
    reader: AtomicWaker,
}

impl Talk {
    /// A request has come, so far as its head.
    pub(super) fn begin(&self) {
        self.busy.store(true, Ordering::Release);
    }

    /// The service has the request. What it is given back is dropped with the answer.
    pub(super) fn call(self: &std::sync::Arc<Self>) -> Answering {
        self.called.fetch_add(1, Ordering::AcqRel);
        Answering(std::sync::Arc::clone(self))
    }

    /// How many requests have reached the service.
    pub(super) fn called(&self) -> u64 {
        self.called.load(Ordering::Acquire)
    }

    /// How many have been answered.
    pub(super) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Acquire)
    }

    /// Wakes the reader when an answer is written: only then does it look for the next request, or begin to wait for one.
    pub(super) fn wake_when_answered(&self, reader: &Waker) {
        self.reader.register(reader);
    }

    /// Whether a request is being answered.
    pub(super) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Acquire)
    }
}

/// A request that is being answered, until this is dropped.
#[derive(Debug)]
pub(super) struct Answering(std::sync::Arc<Talk>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.answered.fetch_add(1, Ordering::AcqRel);
        self.0.busy.store(false, Ordering::Release);
        self.0.reader.wake();
    }
}
