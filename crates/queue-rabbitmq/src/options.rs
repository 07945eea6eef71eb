//! How to reach the broker, and how long to wait for it.

use std::{sync::Arc, time::Duration};

use paceline_telemetry::Metrics;
use secrecy::SecretString;

/// Which kind of queue carries jobs and results. An installation keeps to one: a queue does not change its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum QueueType {
    /// Replicated by consensus over the nodes of a cluster.
    #[default]
    Quorum,
    /// On one node. Cheaper beyond a few thousand senders, and lossless still: what a lost node carried is released again.
    Classic,
}

/// How to reach the broker, and how long to wait for it. All durations are real time.
#[derive(Debug, Clone)]
pub struct RabbitOptions {
    /// `amqp://` or `amqps://`, with user, password and virtual host. Its query may set `frame_max`, `channel_max`, `heartbeat`
    /// (seconds), `connection_timeout` (milliseconds), `auth_mechanism` and `cacertfile` (a private authority, PEM).
    pub url: SecretString,
    /// Stands before every name at the broker, so that several installations share a virtual host. Empty for none.
    pub namespace: String,
    /// Which kind of queue is declared.
    pub queue_type: QueueType,
    /// What an operator sees in the broker's list of connections.
    pub name: String,
    /// Makes the pauses between two tries to connect differ from process to process.
    pub seed: u64,
    /// How often both sides show that they live, unless the URL says otherwise. Whole seconds; a partner that is silent for twice
    /// as long is given up.
    pub heartbeat: Duration,
    /// How long one try to connect may take, unless the URL says otherwise.
    pub connect_timeout: Duration,
    /// How long a call waits for a connection that is away before it fails.
    pub away_wait: Duration,
    /// How long a publish waits for a broker that blocks publishers before it fails.
    pub blocked_wait: Duration,
    /// How long the broker may take to confirm what was published, and to answer any other call.
    pub answer_wait: Duration,
    /// How many AMQP messages of one lane are published and unconfirmed at most. Jobs have one lane, results one for each shard.
    pub publish_window: usize,
    /// Where the state of the connections is shown.
    pub metrics: Arc<Metrics>,
}

impl RabbitOptions {
    /// The defaults for this URL.
    pub fn new(url: SecretString) -> Self {
        Self {
            url,
            namespace: String::new(),
            queue_type: QueueType::default(),
            name: "paceline".to_owned(),
            seed: 0,
            heartbeat: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
            away_wait: Duration::from_secs(5),
            blocked_wait: Duration::from_secs(10),
            answer_wait: Duration::from_secs(30),
            publish_window: 1_000,
            metrics: Arc::default(),
        }
    }
}
