//! What a store counts and measures of its transactions.

use paceline_store::StoreError;
use paceline_telemetry::{Describe, HistogramTimer, HistogramVec, IntCounter, IntGaugeVec, Metrics};

use crate::database::Pool;

/// Upper bounds in seconds: from a commit that shares its fsync to one that runs into the limit of a statement.
const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

const TRANSACTIONS: Describe = Describe {
    name: "paceline_store_transaction_seconds",
    help: "How long a transaction took from its call to its answer, repeats and waiting included, in real seconds, by outcome: \
           committed, conflict, refused, unavailable.",
    when_it_rises: "The database or its disk is slow, or all connections are taken (database.connections). unavailable: it is away, \
                    locked, or its disk is full. refused: a defect.",
};
const REPEATS: Describe = Describe {
    name: "paceline_store_repeats_total",
    help: "Runs of transactions that lost against others and were run again.",
    when_it_rises: "Processes get in each other's way; it costs time and nothing else.",
};
const CONNECTIONS: Describe = Describe {
    name: "paceline_store_connections",
    help: "Connections to the database that this process has open, by what they do: used, idle. Seen after each transaction.",
    when_it_rises: "used: more is asked at a time; at database.connections callers wait for each other.",
};

/// The metrics of a store. Clones count into the same ones.
#[derive(Clone)]
pub(crate) struct Meters {
    transactions: HistogramVec,
    repeats: IntCounter,
    connections: IntGaugeVec,
}

impl Meters {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let transactions = metrics.histogram(TRANSACTIONS, &["outcome"], &SECONDS);
        // What has never happened is 0 and not absent: only so is its first time a rise.
        for outcome in ["committed", "conflict", "refused", "unavailable"] {
            transactions.with_label_values(&[outcome]);
        }
        Self {
            transactions,
            repeats: metrics.counter(REPEATS, &[]).with_label_values::<&str>(&[]),
            connections: metrics.gauge(CONNECTIONS, &["state"]),
        }
    }

    /// A transaction begins.
    pub(crate) fn begin(&self) -> HistogramTimer {
        self.transactions.with_label_values(&["committed"]).start_timer()
    }

    /// It has ended.
    pub(crate) fn end(&self, begun: HistogramTimer, error: Option<&StoreError>, repeats: u64, pool: Pool) {
        let seconds = begun.stop_and_discard();
        let outcome = match error {
            None => "committed",
            Some(StoreError::Conflict { .. }) => "conflict",
            Some(StoreError::Unavailable { .. }) => "unavailable",
            Some(StoreError::Corrupt { .. } | StoreError::Refused { .. }) => "refused",
        };
        self.transactions.with_label_values(&[outcome]).observe(seconds);
        self.repeats.inc_by(repeats);
        self.connections.with_label_values(&["used"]).set(i64::from(pool.used));
        self.connections.with_label_values(&["idle"]).set(i64::from(pool.idle));
    }
}
