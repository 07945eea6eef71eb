//! The queue on RabbitMQ, against the broker that `AMQP_URL` names: the port's suite on both kinds of queue, and what is this
//! adapter's own.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod blocked;
mod broker;
mod connections;
mod dead;
mod diagnosis;
mod log;
mod proxy;
mod publishing;
mod queues;

use paceline_queue_rabbitmq::QueueType;

use crate::broker::Installation;

mod quorum {
    use super::{Installation, QueueType};

    async fn queue() -> Installation {
        Installation::start(QueueType::Quorum)
    }

    paceline_queue::conformance_suite!(queue);
}

mod classic {
    use super::{Installation, QueueType};

    async fn queue() -> Installation {
        Installation::start(QueueType::Classic)
    }

    paceline_queue::conformance_suite!(queue);
}
