//! A wait that has an end: begun once, ended by whatever was waited for, and felt by whoever polls it.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep};

/// A wait with an end.
#[derive(Debug, Default)]
pub(super) struct Deadline {
    sleep: Option<Pin<Box<Sleep>>>,
    /// How long the wait that is under way may take; nothing while nobody waits.
    waits: Option<Duration>,
}

impl Deadline {
    /// What was waited for is there.
    pub(super) fn disarm(&mut self) {
        self.waits = None;
    }

    /// Waits, since the first call with this length: ready when that is over.
    pub(super) fn poll(&mut self, length: Duration, context: &mut Context<'_>) -> Poll<()> {
        if self.waits != Some(length) {
            self.waits = Some(length);
            let end = Instant::now() + length;
            match &mut self.sleep {
                Some(sleep) => sleep.as_mut().reset(end),
                None => self.sleep = Some(Box::pin(tokio::time::sleep_until(end))),
            }
        }
        self.sleep.as_mut().map_or(Poll::Pending, |sleep| sleep.as_mut().poll(context))
    }
}
