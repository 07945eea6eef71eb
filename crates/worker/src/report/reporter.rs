//! One reporter for the whole process: outcomes to the store, then results to the queue, then answers to the jobs.
//!
//! It batches by itself: while one commit runs, what comes meanwhile makes the next one; and while one batch is published,
//! which may wait for the results role, the next is recorded. While the store is away it holds what it has and keeps the
//! gate closed; what it holds is bounded by what was in flight.

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt;
use paceline_domain::{ResultBody, SenderId, WorkerResult};
use paceline_failpoints::{self as failpoints, Failpoint};
use paceline_queue::Queue;
use paceline_store::intents::AttemptOutcome;
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    backoff::Backoff,
    gate::{Closer, Gate},
    meters::Meters,
    report::{publish::publish_until_confirmed, ticket::Ticket},
    store::WorkerStore,
};

/// How many reports wait for the reporter at most; those who report more wait.
const CAPACITY: usize = 4_096;
/// How many reports one commit takes at most.
const BATCH: usize = 1_024;
/// How many recorded batches wait to be published at most.
const RECORDED_BATCHES: usize = 2;

/// The outcome of one attempt.
pub(crate) struct Report {
    pub(crate) sender: SenderId,
    pub(crate) outcome: AttemptOutcome,
    /// Whether the store has the outcome already, so that only its result is to be published.
    pub(crate) recorded: Recorded,
    /// The job that is owed an answer.
    pub(crate) ticket: Option<Arc<Ticket>>,
}

/// Whether the store has an outcome already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recorded {
    Yes,
    No,
}

enum Entry {
    Report(Report),
    Flush(oneshot::Sender<()>),
}

/// Hands reports to the reporter.
#[derive(Clone)]
pub(crate) struct Reporter {
    entries: mpsc::Sender<Entry>,
    meters: Meters,
}

impl Reporter {
    /// Starts the reporter's task, which ends with its handle.
    pub(crate) fn start(
        store: Arc<dyn WorkerStore>,
        queue: Arc<dyn Queue>,
        gate: Arc<Gate>,
        meters: Meters,
    ) -> (Self, AbortOnDropHandle<()>) {
        let (entries, inbox) = mpsc::channel(CAPACITY);
        let (safe, to_publish) = mpsc::channel(RECORDED_BATCHES);
        let recorder = Recorder { store, gate };
        let publisher = Publisher { queue, meters: meters.clone() };
        let work = async move { tokio::join!(recorder.run(inbox, safe), publisher.run(to_publish)) };
        let task = tokio::spawn(work.map(|((), ())| ()));
        (Self { entries, meters }, AbortOnDropHandle::new(task))
    }

    /// Hands one report over.
    pub(crate) async fn report(&self, report: Report) {
        self.meters.outcomes_waiting.inc();
        if self.entries.send(Entry::Report(report)).await.is_err() {
            // Only after the drain ran out of time: the attempt stays open and is adopted by the sender's next holder.
            self.meters.outcomes_waiting.dec();
        }
    }

    /// Resolves once everything that was handed over before is recorded, published and answered.
    pub(crate) async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        if self.entries.send(Entry::Flush(done)).await.is_ok() {
            let _ = flushed.await;
        }
    }
}

/// Reports whose outcomes are safe, and who waits for them.
struct Batch {
    reports: Vec<Report>,
    // How many came in, for the gauge: a report that the store will never take is left out of `reports`.
    count: usize,
    flushes: Vec<oneshot::Sender<()>>,
}

struct Recorder {
    store: Arc<dyn WorkerStore>,
    gate: Arc<Gate>,
}

struct Publisher {
    queue: Arc<dyn Queue>,
    meters: Meters,
}

impl Publisher {
    async fn run(self, mut safe: mpsc::Receiver<Batch>) {
        while let Some(batch) = safe.recv().await {
            let results = batch.reports.iter().map(Report::result).collect();
            publish_until_confirmed(self.queue.as_ref(), results).await;
            failpoints::pass_if(Failpoint::WorkerResultPublished, || !batch.reports.is_empty());
            for report in batch.reports {
                if let Some(ticket) = report.ticket {
                    ticket.settle().await;
                }
            }
            self.meters.outcomes_waiting.sub(i64::try_from(batch.count).unwrap_or(i64::MAX));
            for done in batch.flushes {
                // Whoever does not wait any more has lost interest.
                let _ = done.send(());
            }
        }
    }
}

impl Recorder {
    async fn run(self, mut inbox: mpsc::Receiver<Entry>, safe: mpsc::Sender<Batch>) {
        let mut entries = Vec::with_capacity(BATCH);
        while inbox.recv_many(&mut entries, BATCH).await > 0 {
            let (mut reports, mut flushes) = (Vec::with_capacity(entries.len()), Vec::new());
            for entry in entries.drain(..) {
                match entry {
                    Entry::Report(report) => reports.push(report),
                    Entry::Flush(done) => flushes.push(done),
                }
            }
            let count = reports.len();
            let reports = self.record(reports).await;
            failpoints::pass_if(Failpoint::WorkerOutcomeRecorded, || !reports.is_empty());
            if safe.send(Batch { reports, count, flushes }).await.is_err() {
                return;
            }
        }
    }

    /// Records the outcomes, however long it takes, and answers with the reports whose outcome is now safe.
    async fn record(&self, reports: Vec<Report>) -> Vec<Report> {
        let outcomes: Vec<_> = reports
            .iter()
            .filter(|report| report.recorded == Recorded::No)
            .map(|report| report.outcome.clone())
            .collect();
        if outcomes.is_empty() || self.record_patiently(&outcomes).await {
            return reports;
        }
        let mut safe = Vec::with_capacity(reports.len());
        for report in reports {
            if report.recorded == Recorded::Yes || self.record_patiently(std::slice::from_ref(&report.outcome)).await {
                safe.push(report);
            }
        }
        safe
    }

    /// Whether the store took the outcomes; `false` only when it will never take all of them.
    async fn record_patiently(&self, outcomes: &[AttemptOutcome]) -> bool {
        let mut backoff = Backoff::new(Duration::from_millis(50));
        loop {
            match self.store.record_outcomes(outcomes).await {
                Ok(()) => {
                    self.gate.open(Closer::Outcomes);
                    return true;
                }
                Err(error) if error.is_transient() => {
                    self.gate.close(Closer::Outcomes, &error);
                    tokio::time::sleep(backoff.next_pause().min(Duration::from_secs(2))).await;
                }
                Err(error) => {
                    // One by one, so that a single bad row holds nothing else up; its attempt stays open.
                    tracing::error!(error = %error, outcomes.count = outcomes.len(), "the store refuses outcomes");
                    return false;
                }
            }
        }
    }
}

impl Report {
    fn result(&self) -> WorkerResult {
        let AttemptOutcome { message, attempt, epoch, outcome, at } = self.outcome.clone();
        WorkerResult { sender: self.sender, at, body: ResultBody::Attempt { message, attempt, epoch, outcome } }
    }
}
