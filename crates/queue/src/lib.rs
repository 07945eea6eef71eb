#![doc = include_str!("../README.md")]

mod delivery;
mod error;
mod jobs;
mod results;

pub use delivery::{Acker, Delivery};
pub use error::{QueueError, QueueResult};
pub use jobs::{JobConsumer, JobQueue, Publication};
pub use results::{RESULT_SHARDS, ResultConsumer, ResultQueue};

/// Both directions of the broker.
pub trait Queue: JobQueue + ResultQueue {}

impl<T: JobQueue + ResultQueue> Queue for T {}
