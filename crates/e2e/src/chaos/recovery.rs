//! How long it takes until somebody sends again.

use std::{fmt, time::Duration};

use tokio::{task::JoinHandle, time::Instant};

use super::tail::Tail;

/// For so long, what a process had sent before it was killed may still come in.
const ECHO: Duration = Duration::from_millis(150);
/// How often the journal's tail is asked.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// What has not recovered by then is late; the drain at the end tells whether it ever does.
const PATIENCE: Duration = Duration::from_secs(45);
/// The same for all numbers at once, which is not waited for: other things go wrong meanwhile.
const LONG_PATIENCE: Duration = Duration::from_mins(5);
/// A number that has sent within this time has something to send.
pub(super) const BUSY: Duration = Duration::from_secs(3);

/// Whether somebody sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recovery {
    /// After so long.
    After(Duration),
    /// Not for long.
    Late,
    /// There was nothing to send.
    Idle,
}

/// A wait for the next send.
#[derive(Debug)]
pub(super) struct Watch {
    waiting: Option<JoinHandle<Recovery>>,
    is_long: bool,
}

impl Watch {
    /// Begins to wait for a send of anybody.
    pub(super) fn anybody(tail: &Tail) -> Self {
        Self::begin(tail, vec![None], PATIENCE)
    }

    /// Begins to wait for a send of this number, if it was one of those who had something to send.
    pub(super) fn number(tail: &Tail, number: String, busy: &[String]) -> Self {
        if busy.contains(&number) {
            Self::begin(tail, vec![Some(number)], PATIENCE)
        } else {
            Self { waiting: None, is_long: false }
        }
    }

    /// Begins to wait for a send of each of these numbers.
    pub(super) fn each(tail: &Tail, numbers: Vec<String>) -> Self {
        Self { is_long: true, ..Self::begin(tail, numbers.into_iter().map(Some).collect(), LONG_PATIENCE) }
    }

    fn begin(tail: &Tail, numbers: Vec<Option<String>>, patience: Duration) -> Self {
        let tail = tail.clone();
        let waiting = tokio::spawn(async move {
            let since = Instant::now();
            tokio::time::sleep(ECHO).await;
            let count = |number: &Option<String>| tail.count(number.as_deref());
            let mut before: Vec<_> = numbers.into_iter().map(|number| (count(&number), number)).collect();
            while since.elapsed() < patience {
                before.retain(|(before, number)| count(number) <= *before);
                if before.is_empty() {
                    return Recovery::After(since.elapsed());
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
            Recovery::Late
        });
        Self { waiting: Some(waiting), is_long: false }
    }

    /// Whether other things may go wrong before it ends.
    pub(super) const fn is_long(&self) -> bool {
        self.is_long
    }

    /// How it ended.
    pub(super) async fn end(self) -> Recovery {
        match self.waiting {
            Some(waiting) => waiting.await.unwrap_or(Recovery::Late),
            None => Recovery::Idle,
        }
    }

    /// How it ended, if it has.
    pub(super) async fn end_now(self) -> Recovery {
        match &self.waiting {
            Some(waiting) if !waiting.is_finished() => Recovery::Late,
            _ => self.end().await,
        }
    }
}

impl fmt::Display for Recovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::After(time) => write!(f, "sent again after {:.2} s", time.as_secs_f64()),
            Self::Late => f.write_str("did not send again for long"),
            Self::Idle => f.write_str("had nothing to send"),
        }
    }
}
