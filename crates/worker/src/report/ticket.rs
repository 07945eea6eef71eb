//! A job in hand: answered once, when the last of its messages is settled.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use paceline_queue::Acker;

/// The answer that a job is owed. Dropped before its messages are settled, it is never given, and the job comes again.
pub(crate) struct Ticket {
    open: AtomicUsize,
    untouched: AtomicBool,
    acker: Mutex<Option<Box<dyn Acker>>>,
}

impl Ticket {
    pub(crate) fn new(messages: usize, acker: Box<dyn Acker>) -> Self {
        Self { open: AtomicUsize::new(messages), untouched: AtomicBool::new(false), acker: Mutex::new(Some(acker)) }
    }

    /// One message is done with. With the last one the job is answered.
    pub(crate) async fn settle(&self) {
        if self.open.fetch_sub(1, Ordering::AcqRel) != 1 {
            return;
        }
        let acker = self.acker.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(acker) = acker else { return };
        let answered = if self.untouched.load(Ordering::Acquire) { acker.give_back().await } else { acker.ack().await };
        if let Err(error) = answered {
            // The job comes again, and its messages are found settled.
            tracing::debug!(error = %error, "a job could not be answered");
        }
    }

    /// One message goes back to the queue, and the job with it once the others are done.
    pub(crate) async fn give_back(&self) {
        self.untouched.store(true, Ordering::Release);
        self.settle().await;
    }
}
