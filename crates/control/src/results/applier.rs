//! Applies results in one transaction, having told which incoming messages ask not to be contacted.

use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use paceline_domain::{Clock, ReceiptKind, ResultBody, ResultId, WorkerResult};
use paceline_store::{
    StoreError, StoreResult,
    results::{ApplySummary, ResultStore, ResultToApply},
};

use crate::Meters;

/// Applies results.
pub struct Applier {
    store: Arc<dyn ResultStore>,
    clock: Arc<dyn Clock>,
    meters: Arc<Meters>,
    /// How many results the store has taken: shows whether a refusal is about one result or about all.
    taken: AtomicU64,
}

impl Applier {
    /// An applier to this store.
    pub fn new(store: Arc<dyn ResultStore>, clock: Arc<dyn Clock>, meters: Arc<Meters>) -> Self {
        Self { store, clock, meters, taken: AtomicU64::new(0) }
    }

    /// Applies results, in order, in one transaction.
    ///
    /// # Errors
    /// Those of the store; then nothing was applied.
    pub async fn apply(&self, results: impl IntoIterator<Item = WorkerResult>) -> StoreResult<ApplySummary> {
        let results: Vec<_> = results.into_iter().map(to_apply).collect();
        let summary = self.store.apply_results(&results, self.clock.now()).await?;
        self.count(&results, summary);
        Ok(summary)
    }

    pub(crate) const fn meters(&self) -> &Arc<Meters> {
        &self.meters
    }

    pub(super) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    pub(super) fn report_refusal(&self, result: &WorkerResult, error: &StoreError) {
        self.meters.refused_results.with_label_values(&[kind(result)]).inc();
        tracing::error!(
            result.id = hex(result.id()),
            result.kind = kind(result),
            sender.id = %result.sender,
            error = %error,
            cause = std::error::Error::source(error).map(tracing::field::display),
            "the store refuses a result; it is tried again"
        );
    }

    pub(super) fn report_given_up(&self, result: &WorkerResult) {
        self.meters.given_up_results.with_label_values(&[kind(result)]).inc();
        tracing::error!(
            result.id = hex(result.id()),
            result.kind = kind(result),
            sender.id = %result.sender,
            "the store still refuses a result; it is a dead letter, to be replayed when the cause is gone"
        );
    }

    fn count(&self, results: &[ResultToApply], summary: ApplySummary) {
        self.taken.fetch_add(results.len().try_into().unwrap_or(u64::MAX), Ordering::Relaxed);
        for result in results {
            self.meters.results.with_label_values(&[kind(&result.result)]).inc();
        }
        let effects = [("applied", summary.applied), ("duplicate", summary.duplicates), ("stale", summary.stale)];
        for (effect, count) in effects {
            self.meters.result_effects.with_label_values(&[effect]).inc_by(count);
        }
        self.meters.opt_outs.inc_by(summary.opted_out);
        self.meters.unknown_outcomes.inc_by(summary.unknown);
        for (what, count) in [("settled", summary.settled), ("overtook", summary.overtook)] {
            self.meters.late_receipts.with_label_values(&[what]).inc_by(count);
        }
    }
}

/// A result with whether it asks not to be contacted.
pub(crate) fn to_apply(result: WorkerResult) -> ResultToApply {
    ResultToApply::judged(result, paceline_audience::is_opt_out)
}

/// The result's kind as counted: an attempt by its outcome, a receipt by what it says.
/// Every word of [`kind`].
pub(crate) const RESULT_KINDS: [&str; 10] = [
    "sent",
    "rejected",
    "unsent",
    "interrupted",
    "unknown",
    "receipt_delivered",
    "receipt_read",
    "receipt_failed",
    "inbound",
    "session",
];

const fn kind(result: &WorkerResult) -> &'static str {
    match &result.body {
        ResultBody::Attempt { outcome, .. } => outcome.as_str(),
        ResultBody::Receipt(receipt) => match receipt.kind {
            ReceiptKind::Delivered => "receipt_delivered",
            ReceiptKind::Read => "receipt_read",
            ReceiptKind::Failed => "receipt_failed",
        },
        ResultBody::Inbound(_) => "inbound",
        ResultBody::Session(_) => "session",
    }
}

fn hex(id: ResultId) -> String {
    id.to_bytes().iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
