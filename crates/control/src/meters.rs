//! What the control plane counts.

use paceline_domain::{DeadLetterKind, DeathReason};
use paceline_telemetry::{Describe, Histogram, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Metrics, OPT_OUTS};

use crate::{Duty, results::RESULT_KINDS};

const NO_LABELS: &[&str] = &[];
const BATCH_BOUNDS: [f64; 7] = [1.0, 4.0, 16.0, 64.0, 256.0, 512.0, 1_024.0];

/// The metrics of the control plane.
pub struct Meters {
    pub(crate) planned_rows: IntCounterVec,
    pub(crate) exclusions: IntCounterVec,
    pub(crate) released: IntCounterVec,
    pub(crate) publications: IntCounterVec,
    pub(crate) results: IntCounterVec,
    pub(crate) result_effects: IntCounterVec,
    pub(crate) opt_outs: IntCounter,
    pub(crate) refused_results: IntCounterVec,
    pub(crate) given_up_results: IntCounterVec,
    pub(crate) refused_deliveries: IntGaugeVec,
    pub(crate) unknown_outcomes: IntCounter,
    pub(crate) late_receipts: IntCounterVec,
    pub(crate) dead_letters: IntCounterVec,
    pub(crate) dead_letters_waiting: IntGauge,
    result_batches: Histogram,
    pub(crate) sweeps: IntCounterVec,
    pub(crate) service_down: IntGaugeVec,
    pub(crate) messages: IntGaugeVec,
    pub(crate) message_facts: IntGaugeVec,
    pub(crate) imbalance: IntGauge,
    pub(crate) outbox_age: IntGauge,
    pub(crate) leases_held: IntGauge,
    pub(crate) deliveries_waiting: IntGauge,
    pub(crate) events_unnumbered: IntGauge,
}

const fn describe(name: &'static str, help: &'static str, when_it_rises: &'static str) -> Describe {
    Describe { name, help, when_it_rises }
}

const PLANNED_ROWS: Describe = describe(
    "paceline_planned_rows_total",
    "Recipient rows decided, by what they became.",
    "campaigns are being planned; a share of exclusions out of the ordinary points at the audience's file.",
);
const EXCLUSIONS: Describe = describe(
    "paceline_planning_exclusions_total",
    "Recipient rows excluded while planning, by reason.",
    "look at the campaign's exclusions: missing_variable points at columns, render_failed and render_too_expensive at the template.",
);
const RELEASED: Describe = describe(
    "paceline_released_messages_total",
    "Messages claimed and handed to the broker, by lane.",
    "messages are on their way; far more releases than sends mean that jobs are lost or put off.",
);
const PUBLICATIONS: Describe = describe(
    "paceline_job_publications_total",
    "Jobs published, by the broker's answer.",
    "returned: sender queues vanish; rejected: workers do not keep up with their window.",
);
const RESULTS: Describe = describe(
    "paceline_results_total",
    "Results taken from workers, by kind; repeats included.",
    "a rise of rejected or unknown attempts means trouble with senders or with the audience; look at failure reasons.",
);
const RESULT_EFFECTS: Describe = describe(
    "paceline_result_effects_total",
    "Results by effect: applied, duplicate (seen before), stale (too late, or not ours).",
    "duplicates: acknowledgements are lost, look at the broker; stale: receipts for messages of another installation.",
);
const REFUSED_RESULTS: Describe = describe(
    "paceline_results_refused_total",
    "Results that the store refused while it took others, by kind.",
    "a defect: the log has their ids; they are kept and tried again for a while.",
);
const GIVEN_UP_RESULTS: Describe = describe(
    "paceline_results_given_up_total",
    "Results that the store refused to the end, by kind.",
    "Alert: a defect. They are dead letters: `paceline dead list` shows them, `paceline dead replay` applies them once the cause is \
     gone.",
);
const REFUSED_DELIVERIES: Describe = describe(
    "paceline_refused_deliveries",
    "Result deliveries set aside because the store refuses something in them, by shard.",
    "as paceline_results_refused_total; at 32 a shard takes no more until the cause is gone.",
);
const UNKNOWN_OUTCOMES: Describe = describe(
    "paceline_unknown_outcomes_total",
    "Messages of which nobody knew whether they were sent.",
    "Alert: answers of the network are lost, or workers crash in the middle of a send; `paceline_messages{bucket=\"unknown\"}` says how \
     many are so now, GET /v1/messages?state=unknown lists them.",
);
const LATE_RECEIPTS: Describe = describe(
    "paceline_late_receipts_total",
    "Receipts out of turn: settled (an unknown outcome), overtook (came before the outcome of their attempt).",
    "settled: what was unknown was sent after all; overtook: outcomes are slow, look at the workers and the broker.",
);
const DEAD_LETTERS: Describe = describe(
    "paceline_dead_letters_total",
    "Dead letters kept, by kind and by reason.",
    "Alert. delivery_limit: something breaks whoever works on it; unreadable: another release or somebody else publishes to our \
     queues; refused: a defect, or a damaged row.",
);
const DEAD_LETTERS_WAITING: Describe = describe(
    "paceline_dead_letters_waiting",
    "Dead letters that wait for an operator; those of jobs left out, whose messages wait again by themselves.",
    "Alert above 0: `paceline dead list` says why each died; `paceline dead replay` applies results.",
);
const RESULT_BATCHES: Describe = describe(
    "paceline_result_batch_size",
    "Results per transaction.",
    "results come faster than they are applied one by one, which is well up to the batch size of 500.",
);
const SWEEPS: Describe = describe(
    "paceline_sweeps_total",
    "Rows that the sweeper moved, by duty.",
    "reclaim_releases: workers die or hang; apply_lost_results: results are lost on the way; lose_abandoned: senders \
     vanish in the middle of a send; settle_unknown: a workspace's policy fails or resends what is unknown.",
);
const SERVICE_DOWN: Describe = describe(
    "paceline_service_down",
    "1 while the control plane waits for the database or the broker.",
    "Alert: the service cannot be reached, is locked, or its disk is full; the log says which.",
);
const MESSAGES: Describe = describe(
    "paceline_messages",
    "The account: messages by the bucket they stand in, and how many were planned.",
    "failed, unknown: look at the failure reasons per campaign; waiting: add senders or wait.",
);
const MESSAGE_FACTS: Describe = describe(
    "paceline_message_facts",
    "Parts of the account and facts beside it: delivered, read, replied, opted_out, sending.",
    "sending: results do not come back, look at the workers and the broker.",
);
const IMBALANCE: Describe = describe(
    "paceline_account_imbalance",
    "Planned messages less the sum of the buckets.",
    "Alert: anything but 0 is a defect: keep the database and report it.",
);
const OUTBOX_AGE: Describe = describe(
    "paceline_outbox_age_seconds",
    "Age of the oldest outcome whose result has not been applied.",
    "Alert above a minute: results are stuck between workers and the store: look at the broker and at paceline_refused_deliveries.",
);
const LEASES_HELD: Describe = describe(
    "paceline_leases_held",
    "Senders that some worker process works for.",
    "more senders are being worked for; fewer than active senders means too few workers.",
);
const DELIVERIES_WAITING: Describe = describe(
    "paceline_webhook_deliveries_waiting",
    "Webhook deliveries that are still to be made.",
    "a webhook endpoint is slow or down: look at its deliveries.",
);
const EVENTS_UNNUMBERED: Describe = describe(
    "paceline_events_unnumbered",
    "Events without a number, which readers cannot see yet.",
    "the sequencer does not keep up or does not run.",
);

impl Meters {
    /// Registers the metrics, or finds them where they are registered already.
    pub fn new(metrics: &Metrics) -> Self {
        let meters = Self::register(metrics);
        meters.show_zeros();
        meters
    }

    /// What has never happened is 0 and not absent: only so is its first time a rise.
    fn show_zeros(&self) {
        for kind in DeadLetterKind::ALL {
            for reason in DeathReason::ALL {
                self.dead_letters.with_label_values(&[kind.as_str(), reason.as_str()]);
            }
        }
        for duty in Duty::ALL {
            self.sweeps.with_label_values(&[duty.as_str()]);
        }
        for (counter, words) in [
            (&self.late_receipts, &["settled", "overtook"][..]),
            (&self.planned_rows, &["message", "exclusion"]),
            (&self.result_effects, &["applied", "duplicate", "stale"]),
            (&self.publications, &["confirmed", "returned", "rejected"]),
            (&self.refused_results, &RESULT_KINDS),
            (&self.given_up_results, &RESULT_KINDS),
        ] {
            for word in words {
                counter.with_label_values(&[word]);
            }
        }
    }

    fn register(metrics: &Metrics) -> Self {
        Self {
            planned_rows: metrics.counter(PLANNED_ROWS, &["became"]),
            exclusions: metrics.counter(EXCLUSIONS, &["reason"]),
            released: metrics.counter(RELEASED, &["lane"]),
            publications: metrics.counter(PUBLICATIONS, &["answer"]),
            results: metrics.counter(RESULTS, &["kind"]),
            result_effects: metrics.counter(RESULT_EFFECTS, &["effect"]),
            opt_outs: metrics.counter(OPT_OUTS, &[]).with_label_values(NO_LABELS),
            refused_results: metrics.counter(REFUSED_RESULTS, &["kind"]),
            given_up_results: metrics.counter(GIVEN_UP_RESULTS, &["kind"]),
            refused_deliveries: metrics.gauge(REFUSED_DELIVERIES, &["shard"]),
            unknown_outcomes: metrics.counter(UNKNOWN_OUTCOMES, &[]).with_label_values(NO_LABELS),
            late_receipts: metrics.counter(LATE_RECEIPTS, &["what"]),
            dead_letters: metrics.counter(DEAD_LETTERS, &["kind", "reason"]),
            dead_letters_waiting: gauge(metrics, DEAD_LETTERS_WAITING),
            result_batches: metrics.histogram(RESULT_BATCHES, &[], &BATCH_BOUNDS).with_label_values(NO_LABELS),
            sweeps: metrics.counter(SWEEPS, &["duty"]),
            service_down: metrics.gauge(SERVICE_DOWN, &["service"]),
            messages: metrics.gauge(MESSAGES, &["bucket"]),
            message_facts: metrics.gauge(MESSAGE_FACTS, &["fact"]),
            imbalance: gauge(metrics, IMBALANCE),
            outbox_age: gauge(metrics, OUTBOX_AGE),
            leases_held: gauge(metrics, LEASES_HELD),
            deliveries_waiting: gauge(metrics, DELIVERIES_WAITING),
            events_unnumbered: gauge(metrics, EVENTS_UNNUMBERED),
        }
    }

    pub(crate) fn observe_batch(&self, results: usize) {
        let results = u32::try_from(results).unwrap_or(u32::MAX);
        self.result_batches.observe(f64::from(results));
    }
}

fn gauge(metrics: &Metrics, describe: Describe) -> IntGauge {
    metrics.gauge(describe, NO_LABELS).with_label_values(NO_LABELS)
}
