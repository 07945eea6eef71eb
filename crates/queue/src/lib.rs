#![doc = include_str!("../README.md")]

#[cfg(feature = "conformance")]
#[expect(clippy::missing_panics_doc, reason = "every test panics when the adapter breaks a promise")]
pub mod conformance;
mod dead;
mod delivery;
mod error;
mod jobs;
mod results;

pub use dead::{Cargo, DeadConsumer, DeadLetter, DeadQueue};
pub use delivery::{Acker, Delivery};
pub use error::{QueueError, QueueResult};
pub use jobs::{JobConsumer, JobQueue, Publication};
pub use results::{RESULT_SHARDS, ResultConsumer, ResultQueue};

/// Both directions of the broker, and what got stuck on the way.
pub trait Queue: JobQueue + ResultQueue + DeadQueue {}

impl<T: JobQueue + ResultQueue + DeadQueue> Queue for T {}
