//! How long it takes until somebody sends again.

use std::time::Duration;

use tokio::{task::JoinHandle, time::Instant};

use super::tail::Tail;

/// For so long, what a process had sent before it was killed may still come in.
const ECHO: Duration = Duration::from_millis(150);
/// How often the journal's tail is asked.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// What has not recovered by then is reported so; the drain at the end tells whether it ever does.
const PATIENCE: Duration = Duration::from_secs(45);

/// A wait for the next send.
#[derive(Debug)]
pub(super) struct Watch(JoinHandle<Option<Duration>>);

impl Watch {
    /// Begins to wait for a send of this number, or of any.
    pub(super) fn begin(tail: &Tail, sender: Option<String>) -> Self {
        let tail = tail.clone();
        Self(tokio::spawn(async move {
            let since = Instant::now();
            tokio::time::sleep(ECHO).await;
            let before = tail.count(sender.as_deref());
            while since.elapsed() < PATIENCE {
                if tail.count(sender.as_deref()) > before {
                    return Some(since.elapsed());
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
            None
        }))
    }

    /// The time from the beginning to the next send; nothing when there was none for long.
    pub(super) async fn end(self) -> Option<Duration> {
        self.0.await.ok().flatten()
    }
}
