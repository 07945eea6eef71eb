//! The embedded queue: the port's suite, and what is its own.

mod bounds;

use paceline_queue_embedded::{EmbeddedOptions, EmbeddedQueue};

async fn queue() -> EmbeddedQueue {
    EmbeddedQueue::new(EmbeddedOptions::default())
}

paceline_queue::conformance_suite!(queue);
