//! Consumers that hear nothing.
//!
//! A queue that was deleted and declared again may keep giving what it holds to a consumer whose channel it has forgotten: the stream of
//! such a consumer neither ends nor yields anything, and what was given to it waits until the broker's own timeout, half an hour later.
//! From here that looks like a queue without messages. So a consumer is believed only while it hears something, and after a silence it is
//! made again; its channel is closed with it, and what was given to it comes to the next one.

use std::time::Duration;

use tokio::time::Instant;

/// A consumer that has ended is not made again at once: brokers dislike consumers that come and go.
pub(crate) const CONSUMER_PAUSE: Duration = Duration::from_millis(100);

/// How long a consumer may hear nothing before it is made again.
const LONGEST: Duration = Duration::from_secs(30);

/// Since when a consumer has heard nothing.
pub(crate) struct Silence {
    since: Instant,
}

impl Default for Silence {
    fn default() -> Self {
        Self { since: Instant::now() }
    }
}

impl Silence {
    /// The consumer has just been made, or has just heard something.
    pub(crate) fn begin(&mut self) {
        self.since = Instant::now();
    }

    /// When it has lasted too long.
    pub(crate) fn is_over_at(&self) -> Instant {
        self.since + LONGEST
    }
}
