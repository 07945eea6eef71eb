//! What a worker counts and measures. No label per sender or phone number.

use std::sync::{Mutex, PoisonError};

use paceline_domain::{ChannelKind, SessionState};
use paceline_telemetry::{Describe, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Metrics, OPT_OUTS};

/// What becomes of leases.
pub(crate) const TAKEN: &str = "taken";
pub(crate) const GIVEN_BACK: &str = "given_back";
pub(crate) const LOST: &str = "lost";

/// The worker's metrics. Clones count into the same ones.
#[derive(Clone)]
pub(crate) struct Meters {
    pub(crate) sends: IntCounterVec,
    pub(crate) send_seconds: HistogramVec,
    pub(crate) resends: IntCounterVec,
    /// By channel.
    pub(crate) orphans: IntCounterVec,
    /// By what was refused.
    pub(crate) epoch_refusals: IntCounterVec,
    pub(crate) events: IntCounterVec,
    pub(crate) opt_outs: IntCounter,
    pub(crate) gaps: HistogramVec,
    pub(crate) gaps_drawn: HistogramVec,
    pub(crate) queue_wait: HistogramVec,
    pub(crate) refusals: IntCounterVec,
    pub(crate) put_off: IntCounterVec,
    pub(crate) outcomes_waiting: IntGauge,
    pub(crate) leases: IntGauge,
    pub(crate) slots: IntGauge,
    /// By what became of a lease.
    pub(crate) lease_changes: IntCounterVec,
    pub(crate) gate_closed: IntGauge,
    pub(crate) ceiling_refusals: IntCounter,
    sessions: IntGaugeVec,
    held_up: IntGaugeVec,
}

const fn describe(name: &'static str, help: &'static str, when_it_rises: &'static str) -> Describe {
    Describe { name, help, when_it_rises }
}

const SENDS: Describe = describe(
    "paceline_worker_sends_total",
    "Attempts that ended, by channel and outcome.",
    "Sent: traffic. Rejected: the audience has numbers that are not on WhatsApp. Unknown or unsent: look at the sessions \
     and at the network.",
);
const SEND_SECONDS: Describe = describe(
    "paceline_worker_send_seconds",
    "How long the network took to answer a send, in real seconds, by channel.",
    "The network is slow; above worker.send_timeout outcomes become unknown.",
);
const RESENDS: Describe = describe(
    "paceline_worker_resends_total",
    "Sends repeated with the same message id because the outcome of the first was not known, by channel.",
    "Answers of the network are lost, or workers crash between intent and outcome.",
);
const ORPHANS: Describe = describe(
    "paceline_worker_orphaned_intents_total",
    "Intents without an outcome that this process took over, by channel: sent again with the same id, or unknown.",
    "Alert when it goes on: processes die, freeze, or lose their leases in the middle of a send.",
);
const EPOCH_REFUSALS: Describe = describe(
    "paceline_worker_epoch_refusals_total",
    "What the store refused because the lease was over, by what it was: intent, adoption, session. Each is a send that an old \
     holder did not make.",
    "Alert when it goes on: workers freeze longer than a lease lasts, or clocks and databases stall; look at the machines' load.",
);
const EVENTS: Describe = describe(
    "paceline_worker_events_total",
    "Events that channels handed out, by channel and kind.",
    "Receipts and inbound: traffic. Session: connections come and go.",
);
const GAPS: Describe = describe(
    "paceline_worker_send_gap_seconds",
    "Campaign time between two intents of a paced sender, by channel.",
    "Senders wait for work or for their slots; compare it with the gap of the pacing profile.",
);
const GAPS_DRAWN: Describe = describe(
    "paceline_worker_send_gap_drawn_seconds",
    "Campaign time that the pacer lets pass after an intent of a paced sender, by channel: the pause as it was drawn.",
    "A profile has longer pauses. paceline_worker_send_gap_seconds well above it: senders wait for work, not for their pace.",
);
const SLOTS: Describe = describe(
    "paceline_worker_slots",
    "The most senders that this process works for.",
    "worker.slots was raised, or more workers run.",
);
const LEASE_CHANGES: Describe = describe(
    "paceline_worker_lease_changes_total",
    "Leases of senders by what became of them: taken, given_back (wanted elsewhere, paused, or the process ends), lost (it ran out \
     under us).",
    "Taken and given_back rise with each hand-over. Lost: workers freeze, or cannot reach the database, for longer than a lease \
     lasts; look at the machine's load and at paceline_worker_store_gate_closed.",
);
const HELD_UP: Describe = describe(
    "paceline_worker_senders_held_up",
    "Paced senders with a message in hand, by the rule that its slot waits for.",
    "gap, typing: the pace, as wanted. daily_cap: budgets are spent, add senders. throttled, suspended: the network wants less; \
     pause the sender.",
);
const QUEUE_WAIT: Describe = describe(
    "paceline_worker_queue_wait_seconds",
    "Real time from a job's arrival at the worker to the intent, by lane.",
    "More is released to senders than their pace allows; add senders to the pool.",
);
const REFUSALS: Describe = describe(
    "paceline_worker_intents_refused_total",
    "Messages whose intent the store refused, by reason.",
    "Stale: jobs come late or twice. Others: campaigns were paused, people opted out, caps were reached.",
);
const PUT_OFF: Describe = describe(
    "paceline_worker_put_off_total",
    "Claims given back to the store, by what the message waits for.",
    "The window holds more than senders can send within worker.max_hold.",
);
const OUTCOMES_WAITING: Describe = describe(
    "paceline_worker_outcomes_waiting",
    "Outcomes in memory that are not yet recorded and published.",
    "The store or the queue is slow or away; look at paceline_worker_store_gate_closed.",
);
const LEASES: Describe = describe(
    "paceline_worker_leases_held",
    "Senders that this process holds the lease of.",
    "More senders are active; add worker processes when it reaches worker.slots.",
);
const GATE_CLOSED: Describe = describe(
    "paceline_worker_store_gate_closed",
    "1 while the store is away and no message is begun.",
    "The database cannot be reached, is locked, or its disk is full.",
);
const CEILING_REFUSALS: Describe = describe(
    "paceline_worker_ceiling_refusals_total",
    "Slots of paced senders that the hard ceiling refused. Stays 0 unless pacing has a defect.",
    "The pacer lets a sender go faster than per_second of its profile; pause its campaigns and report it.",
);
const SESSIONS: Describe = describe(
    "paceline_worker_sessions",
    "Sessions of the senders that this process holds, by state.",
    "Connected: good. Others: phones are to be paired, or the network refuses the numbers; see the senders' list.",
);

impl Meters {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let none: &[&str] = &[];
        let lease_changes = metrics.counter(LEASE_CHANGES, &["change"]);
        // What has never happened is 0 and not absent: only so is its first time a rise.
        for change in [TAKEN, GIVEN_BACK, LOST] {
            lease_changes.with_label_values(&[change]);
        }
        let epoch_refusals = metrics.counter(EPOCH_REFUSALS, &["at"]);
        for at in ["intent", "adoption", "session"] {
            epoch_refusals.with_label_values(&[at]);
        }
        Self {
            sends: metrics.counter(SENDS, &["channel", "outcome"]),
            send_seconds: metrics.histogram(
                SEND_SECONDS,
                &["channel"],
                &[0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0],
            ),
            resends: metrics.counter(RESENDS, &["channel"]),
            orphans: metrics.counter(ORPHANS, &["channel"]),
            epoch_refusals,
            events: metrics.counter(EVENTS, &["channel", "kind"]),
            opt_outs: metrics.counter(OPT_OUTS, none).with_label_values(none),
            gaps: metrics.histogram(
                GAPS,
                &["channel"],
                &[0.1, 1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 60.0, 90.0, 120.0, 180.0, 600.0, 3_600.0],
            ),
            gaps_drawn: metrics.histogram(
                GAPS_DRAWN,
                &["channel"],
                &[0.1, 1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 60.0, 90.0, 120.0, 180.0, 600.0, 3_600.0],
            ),
            queue_wait: metrics.histogram(
                QUEUE_WAIT,
                &["lane"],
                &[0.001, 0.01, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0],
            ),
            refusals: metrics.counter(REFUSALS, &["reason"]),
            put_off: metrics.counter(PUT_OFF, &["waits_for"]),
            outcomes_waiting: metrics.gauge(OUTCOMES_WAITING, none).with_label_values(none),
            leases: metrics.gauge(LEASES, none).with_label_values(none),
            slots: metrics.gauge(SLOTS, none).with_label_values(none),
            lease_changes,
            gate_closed: metrics.gauge(GATE_CLOSED, none).with_label_values(none),
            ceiling_refusals: metrics.counter(CEILING_REFUSALS, none).with_label_values(none),
            sessions: metrics.gauge(SESSIONS, &["state"]),
            held_up: metrics.gauge(HELD_UP, &["rule"]),
        }
    }

    /// Shows what a channel has not done yet as 0.
    pub(crate) fn show_zeros(&self, channel: ChannelKind) {
        for counter in [&self.resends, &self.orphans] {
            counter.with_label_values(&[channel.as_str()]);
        }
        for outcome in ["sent", "rejected", "unsent", "interrupted", "unknown"] {
            self.sends.with_label_values(&[channel.as_str(), outcome]);
        }
    }

    pub(crate) fn count_outcome(&self, channel: ChannelKind, outcome: &'static str) {
        self.sends.with_label_values(&[channel.as_str(), outcome]).inc();
    }

    /// One sender's place among those that are held up.
    pub(crate) fn hold_up(&self) -> HoldUpMeter {
        HoldUpMeter { held_up: self.held_up.clone(), counted: None }
    }

    /// One sender's place in the count of sessions.
    pub(crate) fn session(&self) -> SessionMeter {
        SessionMeter { sessions: self.sessions.clone(), counted: Mutex::default() }
    }
}

/// One sender's place in the count of sessions; dropping it takes it out.
pub(crate) struct SessionMeter {
    sessions: IntGaugeVec,
    counted: Mutex<Option<SessionState>>,
}

impl SessionMeter {
    /// Counts the sender under this state, and answers with the one before.
    pub(crate) fn set(&self, state: Option<SessionState>) -> Option<SessionState> {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *counted, state);
        if let Some(before) = before {
            self.sessions.with_label_values(&[before.as_str()]).dec();
        }
        if let Some(now) = state {
            self.sessions.with_label_values(&[now.as_str()]).inc();
        }
        before
    }

    /// Counts the sender under this state unless it has one already.
    pub(crate) fn set_first(&self, state: SessionState) {
        if self.counted.lock().unwrap_or_else(PoisonError::into_inner).is_none() {
            self.set(Some(state));
        }
    }
}

impl Drop for SessionMeter {
    fn drop(&mut self) {
        self.set(None);
    }
}

/// One sender's place among those that are held up; dropping it takes it out.
pub(crate) struct HoldUpMeter {
    held_up: IntGaugeVec,
    counted: Option<&'static str>,
}

impl HoldUpMeter {
    /// Counts the sender under the rule that holds its next message up; `None` when it has none.
    pub(crate) fn set(&mut self, rule: Option<&'static str>) {
        if self.counted == rule {
            return;
        }
        if let Some(before) = std::mem::replace(&mut self.counted, rule) {
            self.held_up.with_label_values(&[before]).dec();
        }
        if let Some(now) = rule {
            self.held_up.with_label_values(&[now]).inc();
        }
    }
}

impl Drop for HoldUpMeter {
    fn drop(&mut self) {
        self.set(None);
    }
}
