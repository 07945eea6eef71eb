//! What is counted. No label carries a webhook endpoint: their number has no bound.

use std::time::Duration;

use paceline_domain::DisableReason;
use paceline_store::deliveries::NextTry;
use paceline_telemetry::{Describe, Histogram, IntCounter, IntCounterVec, IntGauge, Metrics};

use crate::post::Answer;

/// 10 ms to 30 s: from a receiver that only queues to one that runs into its own time limit.
const SECONDS: &[f64] = &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0];

const TRIES: Describe = Describe {
    name: "paceline_webhook_tries_total",
    help: "Tries to deliver an event to a webhook endpoint, by outcome.",
    when_it_rises: "delivered is normal; retry and exhausted grow when receivers fail: see GET \
                    /v1/webhook-endpoints/{id}/deliveries for the reason.",
};
const RETRIES: Describe = Describe {
    name: "paceline_webhook_retries_total",
    help: "Tries that failed and are made again, by reason.",
    when_it_rises: "Receivers are down, slow (webhooks.timeout_seconds), or refused by the egress policy (webhooks.allow_private).",
};
const EXHAUSTED: Describe = Describe {
    name: "paceline_webhook_exhausted_total",
    help: "Deliveries that were given up.",
    when_it_rises: "A receiver was down through the whole of webhooks.schedule_seconds, or is gone; redeliver by hand.",
};
const DISABLED: Describe = Describe {
    name: "paceline_webhook_endpoints_disabled_total",
    help: "Webhook endpoints that were switched off because they did not answer, by reason.",
    when_it_rises: "A receiver is gone (410) or was down for webhooks.disable_after_seconds; paceline webhook list shows which, \
                    enable switches it on again.",
};
const DURATION: Describe = Describe {
    name: "paceline_webhook_duration_seconds",
    help: "How long a try took, from resolving the name to the answer's headers.",
    when_it_rises: "Receivers are slow; they take places from others up to webhooks.per_endpoint.",
};
const IN_FLIGHT: Describe = Describe {
    name: "paceline_webhook_in_flight",
    help: "Tries under way.",
    when_it_rises: "At webhooks.concurrency deliveries wait for each other: raise it, or see which receivers are slow.",
};
const STORE_ERRORS: Describe = Describe {
    name: "paceline_webhook_store_errors_total",
    help: "Claims and records of deliveries that the store refused.",
    when_it_rises: "The database is away or overloaded; deliveries wait, none is lost.",
};

pub(crate) struct Figures {
    tries: IntCounterVec,
    retries: IntCounterVec,
    exhausted: IntCounter,
    disabled: IntCounterVec,
    duration: Histogram,
    pub(crate) in_flight: IntGauge,
    store_errors: IntCounterVec,
}

impl Figures {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let tries = metrics.counter(TRIES, &["outcome"]);
        // What has never happened is 0 and not absent: only so is its first time a rise.
        for outcome in ["delivered", "retry", "exhausted"] {
            tries.with_label_values(&[outcome]);
        }
        Self {
            tries,
            retries: metrics.counter(RETRIES, &["reason"]),
            exhausted: metrics.counter(EXHAUSTED, &[]).with_label_values::<&str>(&[]),
            disabled: metrics.counter(DISABLED, &["reason"]),
            duration: metrics.histogram(DURATION, &[], SECONDS).with_label_values::<&str>(&[]),
            in_flight: metrics.gauge(IN_FLIGHT, &[]).with_label_values::<&str>(&[]),
            store_errors: metrics.counter(STORE_ERRORS, &["operation"]),
        }
    }

    /// Counts a try.
    pub(crate) fn tried(&self, answer: &Answer, next: &NextTry, took: Duration) {
        self.duration.observe(took.as_secs_f64());
        let outcome = match next {
            NextTry::Delivered => "delivered",
            NextTry::Retry { .. } => "retry",
            NextTry::Exhausted { .. } | NextTry::Gone { .. } => "exhausted",
        };
        self.tries.with_label_values(&[outcome]).inc();
        match next {
            NextTry::Delivered => {}
            NextTry::Retry { .. } => self.retries.with_label_values(&[reason(answer)]).inc(),
            NextTry::Exhausted { .. } | NextTry::Gone { .. } => self.exhausted.inc(),
        }
    }

    /// Counts a webhook endpoint that was switched off.
    pub(crate) fn disabled(&self, reason: DisableReason) {
        self.disabled.with_label_values(&[reason.as_str()]).inc();
    }

    /// Counts a call that the store refused.
    pub(crate) fn store_refused(&self, operation: &str) {
        self.store_errors.with_label_values(&[operation]).inc();
    }
}

const fn reason(answer: &Answer) -> &'static str {
    match answer {
        Answer::Status { status: 300..=399, .. } => "redirect",
        Answer::Status { status: 400..=499, .. } => "client_error",
        Answer::Status { .. } => "server_error",
        Answer::Failed(failure) => failure.reason(),
    }
}
