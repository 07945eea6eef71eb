//! What a fleet counts.

use paceline_telemetry::{Describe, IntCounter, IntGauge, Metrics};

/// The meters of a fleet.
pub(super) struct Meters {
    pub(super) workers: IntGauge,
    pub(super) left_out: IntGauge,
    pub(super) started: IntCounter,
    pub(super) crashed: IntCounter,
}

impl Meters {
    pub(super) fn new(metrics: &Metrics) -> Self {
        Self {
            workers: gauge(
                metrics,
                Describe {
                    name: "paceline_fleet_workers",
                    help: "Worker processes that this fleet runs.",
                    when_it_rises: "Senders were added or resumed. Normal.",
                },
            ),
            left_out: gauge(
                metrics,
                Describe {
                    name: "paceline_fleet_senders_left_out",
                    help: "Active senders that no one works for because this fleet may start no more processes.",
                    when_it_rises: "Alert: their messages wait. Raise --max, or start a fleet on another machine.",
                },
            ),
            started: counter(
                metrics,
                Describe {
                    name: "paceline_fleet_workers_started_total",
                    help: "Worker processes that this fleet has started.",
                    when_it_rises: "Senders were added or resumed; with paceline_fleet_workers_crashed_total, workers keep ending.",
                },
            ),
            crashed: counter(
                metrics,
                Describe {
                    name: "paceline_fleet_workers_crashed_total",
                    help: "Worker processes that ended without having been asked to.",
                    when_it_rises: "Alert when it goes on: the workers' logs say why; look for memory limits and signals.",
                },
            ),
        }
    }
}

fn gauge(metrics: &Metrics, describe: Describe) -> IntGauge {
    metrics.gauge(describe, &[]).with_label_values::<&str>(&[])
}

fn counter(metrics: &Metrics, describe: Describe) -> IntCounter {
    metrics.counter(describe, &[]).with_label_values::<&str>(&[])
}
