#![doc = include_str!("../README.md")]

mod depth;
mod jobs;
mod line;
mod options;
mod results;
mod shard;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, RwLock},
};

use paceline_domain::{Job, SenderId};
use paceline_queue::DeadQueue;

use crate::{depth::Depth, line::Line, shard::Shard};

pub use options::EmbeddedOptions;

/// The queue of one process. Share it behind an `Arc`; two of them share nothing.
pub struct EmbeddedQueue {
    jobs_per_sender: usize,
    job_depth: Depth,
    // Written when a sender comes or goes, read with every publish.
    jobs: RwLock<HashMap<SenderId, Arc<Line<Job>>>>,
    shards: Vec<Shard>,
}

impl EmbeddedQueue {
    /// An empty queue.
    #[expect(clippy::needless_pass_by_value, reason = "options are made for one queue")]
    pub fn new(options: EmbeddedOptions) -> Self {
        let result_depth = Depth::new(&options.metrics, "results");
        Self {
            jobs_per_sender: options.jobs_per_sender,
            job_depth: Depth::new(&options.metrics, "jobs"),
            jobs: RwLock::default(),
            shards: (0..paceline_queue::RESULT_SHARDS)
                .map(|_| Shard::new(options.results_per_shard, result_depth.clone()))
                .collect(),
        }
    }
}

/// It limits no deliveries and carries values, not bytes.
impl DeadQueue for EmbeddedQueue {}

impl fmt::Debug for EmbeddedQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedQueue").field("jobs_per_sender", &self.jobs_per_sender).finish_non_exhaustive()
    }
}
