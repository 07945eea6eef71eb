#![doc = include_str!("../README.md")]

mod address;
mod backoff;
mod batch;
mod consumer;
mod context;
mod dead;
mod diagnose;
mod dial;
mod fault;
mod freight;
mod greeting;
mod jobs;
mod lane;
mod link;
mod links;
mod meters;
mod names;
mod options;
mod outage;
mod results;
mod session;
mod status;
#[cfg(feature = "testing")]
pub mod testing;
mod topology;
mod wire;

use std::{fmt, sync::Arc};

use paceline_queue::{QueueResult, RESULT_SHARDS};

use crate::{context::Context, lane::Lane, links::Links, wire::Kind};

pub use diagnose::{Finding, Severity, diagnose};
pub use options::{QueueType, RabbitOptions};
pub use status::BrokerStatus;

/// The queue on RabbitMQ. Share it behind an `Arc`; dropping it ends its connections, its consumers included, in the background.
pub struct RabbitQueue {
    context: Arc<Context>,
    links: Arc<Links>,
    jobs: Lane,
    // By shard.
    results: Vec<Lane>,
}

impl RabbitQueue {
    /// Begins to connect, in the background: a broker that is away is no error here. Call it within a tokio runtime.
    ///
    /// # Errors
    /// When the URL or the namespace cannot be used.
    #[expect(clippy::needless_pass_by_value, reason = "options are made for one queue")]
    pub fn start(options: RabbitOptions) -> QueueResult<Self> {
        let context = Arc::new(Context::new(&options)?);
        let links = Arc::new(Links::start(Arc::clone(&context)));
        let jobs = Lane::start(&context, &links, Kind::Jobs);
        let results = (0..RESULT_SHARDS).map(|_| Lane::start(&context, &links, Kind::Results)).collect();
        Ok(Self { context, links, jobs, results })
    }

    /// How it stands with the broker. Asks nobody.
    pub fn status(&self) -> BrokerStatus {
        self.links.status()
    }

    /// Ends its connections, its consumers included, and waits until they have ended. Every later call fails.
    pub async fn close(&self) {
        self.context.stop.cancel();
        self.context.tasks.close();
        self.context.tasks.wait().await;
    }
}

impl fmt::Debug for RabbitQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RabbitQueue").field("broker", &self.context.address.shown).finish_non_exhaustive()
    }
}

impl Drop for RabbitQueue {
    fn drop(&mut self) {
        self.context.stop.cancel();
    }
}
