//! How many deliveries are in the queues, by kind of queue; never by sender.

use paceline_telemetry::{Describe, IntGauge, Metrics};

/// The gauges of one kind of queue.
#[derive(Clone)]
pub(crate) struct Depth {
    /// Waiting for a consumer.
    pub(crate) waiting: IntGauge,
    /// Delivered, and neither acknowledged nor given back.
    pub(crate) unanswered: IntGauge,
}

impl Depth {
    pub(crate) fn new(metrics: &Metrics, queue: &str) -> Self {
        let gauge = metrics.gauge(
            Describe {
                name: "paceline_queue_deliveries",
                help: "Deliveries in the embedded queue, by kind of queue and by whether a consumer holds them.",
                when_it_rises: "Jobs: workers take fewer than are released; look at paceline_worker_sessions. Results: the \
                                results role is slower than the workers; look at the database.",
            },
            &["queue", "state"],
        );
        Self {
            waiting: gauge.with_label_values(&[queue, "waiting"]),
            unanswered: gauge.with_label_values(&[queue, "unanswered"]),
        }
    }
}
