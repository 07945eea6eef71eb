//! Incoming messages to the store, applied before the network hears that they came.
//!
//! They do not wait for the broker, whose queues may be deleted: what a person said would be lost with them, or be overtaken by what is
//! sent next to that person. A result is applied once, whoever applies it.

use std::time::Duration;

use paceline_domain::WorkerResult;
use paceline_store::results::ResultToApply;

use crate::{backoff::Backoff, context::Context};

/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Applies incoming messages, however long it takes. Answers those that the store refuses: the results role tries them on, and keeps them
/// as dead letters.
pub(crate) async fn apply_until_kept(context: &Context, incoming: Vec<WorkerResult>) -> Vec<WorkerResult> {
    if incoming.is_empty() {
        return incoming;
    }
    let judge = |result: &WorkerResult| ResultToApply::judged(result.clone(), paceline_audience::is_opt_out);
    let judged: Vec<_> = incoming.iter().map(judge).collect();
    if apply_patiently(context, &judged).await == Kept::Yes {
        return Vec::new();
    }
    let mut refused = Vec::new();
    for (result, judged) in incoming.into_iter().zip(&judged) {
        if apply_patiently(context, std::slice::from_ref(judged)).await == Kept::No {
            refused.push(result);
        }
    }
    refused
}

/// Whether the store took all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    Yes,
    No,
}

async fn apply_patiently(context: &Context, incoming: &[ResultToApply]) -> Kept {
    let mut backoff = Backoff::new(Duration::from_millis(50));
    let mut failed = false;
    loop {
        match context.store.apply_results(incoming, context.clock.now()).await {
            Ok(summary) => {
                context.meters.opt_outs.inc_by(summary.opted_out);
                if failed {
                    tracing::info!(messages.count = incoming.len(), "incoming messages are kept again");
                }
                return Kept::Yes;
            }
            Err(error) if error.is_transient() => {
                if !std::mem::replace(&mut failed, true) {
                    tracing::warn!(error = %error, messages.count = incoming.len(), "incoming messages cannot be kept; trying on");
                }
                tokio::time::sleep(backoff.next_pause().min(LONGEST_PAUSE)).await;
            }
            Err(error) => {
                tracing::error!(error = %error, messages.count = incoming.len(), "the store refuses incoming messages");
                return Kept::No;
            }
        }
    }
}
