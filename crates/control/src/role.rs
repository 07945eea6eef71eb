//! A role is a step that is repeated: after a pause of its own when it worked, after a growing one when it did not.

use std::{future::Future, time::Duration};

use paceline_queue::QueueError;
use paceline_store::StoreError;
use tokio_util::sync::CancellationToken;

use crate::Outages;

/// A part of the control plane that works in steps.
pub trait Role: Send {
    /// Its name in log lines.
    fn name(&self) -> &'static str;

    /// One step. Answers how long to pause before the next one. A step that waits for something to arrive ends when `stop` is
    /// cancelled; any other is short and finishes.
    ///
    /// # Errors
    /// The store or the broker refused; whatever was begun is found again by a later step.
    fn step(&mut self, stop: &CancellationToken) -> impl Future<Output = Result<Duration, StepError>> + Send;
}

/// Why a step could not be finished.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The broker.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Repeats a role's steps until `stop` is cancelled; the step in hand is finished.
pub async fn run_role(mut role: impl Role, outages: &Outages, stop: &CancellationToken) {
    let mut patience = FIRST_PAUSE;
    while !stop.is_cancelled() {
        let pause = match role.step(stop).await {
            Ok(pause) => {
                outages.end(role.name());
                patience = FIRST_PAUSE;
                pause
            }
            Err(error) => {
                outages.begin(role.name(), &error);
                let pause = patience;
                patience = (patience * 2).min(LONGEST_PAUSE);
                pause
            }
        };
        if pause.is_zero() {
            tokio::task::yield_now().await;
        } else {
            let _ = stop.run_until_cancelled(tokio::time::sleep(pause)).await;
        }
    }
    outages.leave(role.name());
}
