//! What this crate counts.

use paceline_telemetry::{Describe, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Metrics};

/// Every metric of the broker's.
#[derive(Clone)]
pub(crate) struct Meters {
    pub(crate) connections: IntGauge,
    pub(crate) blocked: IntGauge,
    pub(crate) generation: IntGauge,
    pub(crate) reconnects: IntCounter,
    /// By what was published and what became of it.
    pub(crate) published: IntCounterVec,
    /// By what was published.
    pub(crate) unconfirmed: IntGaugeVec,
    pub(crate) stale_answers: IntCounter,
    pub(crate) lost_consumers: IntCounter,
    /// By what came again.
    pub(crate) redeliveries: IntCounterVec,
    /// By what could not be read.
    pub(crate) undecodable: IntCounterVec,
}

impl Meters {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let gauge = |describe| metrics.gauge(describe, &[]).with_label_values::<&str>(&[]);
        let counter = |describe| metrics.counter(describe, &[]).with_label_values::<&str>(&[]);
        Self {
            connections: gauge(CONNECTIONS),
            blocked: gauge(BLOCKED),
            generation: gauge(GENERATION),
            reconnects: counter(RECONNECTS),
            published: metrics.counter(PUBLISHED, &["kind", "outcome"]),
            unconfirmed: metrics.gauge(UNCONFIRMED, &["kind"]),
            stale_answers: counter(STALE_ANSWERS),
            lost_consumers: counter(LOST_CONSUMERS),
            redeliveries: metrics.counter(REDELIVERIES, &["kind"]),
            undecodable: metrics.counter(UNDECODABLE, &["kind"]),
        }
    }
}

const CONNECTIONS: Describe = Describe {
    name: "paceline_broker_connections",
    help: "Connections to the broker that are up.",
    when_it_rises: "Above two: this process works for more than two thousand senders. At zero the broker is away; the log says why.",
};
const BLOCKED: Describe = Describe {
    name: "paceline_broker_blocked",
    help: "Connections on which the broker takes no publishes for now.",
    when_it_rises: "The broker has a memory or disk alarm: see rabbitmq-diagnostics alarms, and give it room.",
};
const GENERATION: Describe = Describe {
    name: "paceline_broker_generation",
    help: "The number of the newest connection to the broker since this process began.",
    when_it_rises: "Connections are lost and made again; the log says why each was lost.",
};
const RECONNECTS: Describe = Describe {
    name: "paceline_broker_reconnects_total",
    help: "Connections to the broker that were lost and made again.",
    when_it_rises: "The network or the broker is unsteady, or heartbeats are missed because a machine is overloaded.",
};
const PUBLISHED: Describe = Describe {
    name: "paceline_broker_publishes_total",
    help: "AMQP messages published, by kind and by what became of them.",
    when_it_rises: "Confirmed: work. Returned: a queue was deleted and is declared again. Rejected: a queue is full; workers (jobs) \
                    or the results role (results) are behind. Unknown: the broker went away or was too slow; they are published \
                    again.",
};
const UNCONFIRMED: Describe = Describe {
    name: "paceline_broker_unconfirmed",
    help: "AMQP messages published that the broker has not answered yet, by kind.",
    when_it_rises: "The broker is slow to store them: look at its disk.",
};
const STALE_ANSWERS: Describe = Describe {
    name: "paceline_broker_stale_answers_total",
    help: "Answers to deliveries of a channel that has ended; those deliveries come again.",
    when_it_rises: "Connections are lost while work is in hand, or work is held longer than the broker's consumer timeout.",
};
const LOST_CONSUMERS: Describe = Describe {
    name: "paceline_broker_lost_consumers_total",
    help: "Consumers that ended without being asked to.",
    when_it_rises: "Connections are lost, queues are deleted, or the broker cancels consumers; they are made again.",
};
const REDELIVERIES: Describe = Describe {
    name: "paceline_broker_redeliveries_total",
    help: "Deliveries that somebody may have seen before, by kind.",
    when_it_rises: "Workers or servers end without answering, or connections are lost; a job that comes back twenty times is a \
                    dead letter.",
};
const UNDECODABLE: Describe = Describe {
    name: "paceline_broker_undecodable_total",
    help: "Deliveries that could not be read and were dead-lettered, by kind.",
    when_it_rises: "Another release of Paceline, or somebody else, publishes to our exchanges; look into the dead queue.",
};
