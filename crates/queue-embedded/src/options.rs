//! How large the queues may grow, and where their depth is shown.

use std::sync::Arc;

use paceline_telemetry::Metrics;

/// The limits of an embedded queue.
#[derive(Debug, Clone)]
pub struct EmbeddedOptions {
    /// How many jobs wait for one sender at most, besides those that its consumer has room for. Further ones are rejected.
    pub jobs_per_sender: usize,
    /// How many results one shard holds at most, answered or not. Publishers wait for room.
    pub results_per_shard: usize,
    /// Where the depth of the queues is shown.
    pub metrics: Arc<Metrics>,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self { jobs_per_sender: 64, results_per_shard: 16_384, metrics: Arc::default() }
    }
}
