//! An installation of its own for each test: a namespace on the broker that `AMQP_URL` names, deleted at the end.

use std::{
    collections::BTreeSet,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use lapin::{
    Channel, Connection, ConnectionProperties,
    options::{ExchangeDeleteOptions, QueueDeleteOptions},
    types::ShortString,
};
use paceline_domain::{
    Address, Generation, Job, JobItem, Lane, MessageId, ResultBody, SenderId, SessionChange, SessionState, WorkerResult,
};
use paceline_queue::{
    DeadConsumer, DeadQueue, JobConsumer, JobQueue, Publication, QueueResult, RESULT_SHARDS, ResultConsumer,
    ResultQueue,
};
use paceline_queue_rabbitmq::{QueueType, RabbitOptions, RabbitQueue};
use paceline_telemetry::Metrics;
use tokio::time::timeout;

/// The broker of the tests.
pub(crate) fn url() -> String {
    std::env::var("AMQP_URL")
        .expect("AMQP_URL must name a RabbitMQ to test against, such as amqp://guest:guest@127.0.0.1:5672")
}

/// Sixteen digits that no test and no earlier run has used.
pub(crate) fn fresh() -> String {
    format!("{:016x}", RandomState::new().hash_one(0_u8))
}

/// A sender that no test and no earlier run has used.
pub(crate) fn fresh_sender() -> SenderId {
    let half = || RandomState::new().hash_one(0_u8).to_be_bytes();
    let (high, low) = (half(), half());
    SenderId::from_bytes(std::array::from_fn(|index| if index < 8 { high[index] } else { low[index - 8] }))
}

/// A job told apart by its number.
pub(crate) fn job(sender: SenderId, number: u32) -> Job {
    let item = JobItem {
        message: MessageId::from_bytes([1; 16]),
        generation: Generation(1),
        to: Address::phone("+15550100".parse().unwrap()),
        chars: number,
    };
    Job { sender, lane: Lane::Campaign, items: vec![item] }
}

/// A result on this shard.
pub(crate) fn result_on(shard: u16) -> WorkerResult {
    loop {
        let change = SessionChange { state: SessionState::Connected, pairing_code: None, until: None, detail: None };
        let (sender, at) = (fresh_sender(), chrono::DateTime::UNIX_EPOCH);
        let result = WorkerResult { sender, at, body: ResultBody::Session(change) };
        if result.shard(RESULT_SHARDS) == shard {
            return result;
        }
    }
}

/// Waits for a condition, for a minute at most.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_mins(1), waiting).await.unwrap_or_else(|_| panic!("a minute has passed until {what}"));
}

/// A queue in a namespace of its own.
pub(crate) struct Installation {
    pub(crate) queue: Arc<RabbitQueue>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) namespace: Namespace,
}

impl Installation {
    pub(crate) fn start(queue_type: QueueType) -> Self {
        Self::with(queue_type, |_| {})
    }

    /// With options changed from what tests use.
    pub(crate) fn with(queue_type: QueueType, change: impl FnOnce(&mut RabbitOptions)) -> Self {
        Self::start_in(Namespace::new(), queue_type, change)
    }

    /// Where something is at the broker before the queue comes.
    pub(crate) async fn prepared(queue_type: QueueType, prepare: impl AsyncFnOnce(&Namespace)) -> Self {
        let namespace = Namespace::new();
        prepare(&namespace).await;
        Self::start_in(namespace, queue_type, |_| {})
    }

    fn start_in(namespace: Namespace, queue_type: QueueType, change: impl FnOnce(&mut RabbitOptions)) -> Self {
        let mut options = options(&namespace.name);
        options.queue_type = queue_type;
        change(&mut options);
        let metrics = Arc::clone(&options.metrics);
        Self { queue: Arc::new(RabbitQueue::start(options).expect("the URL can be used")), metrics, namespace }
    }

    /// The value of a metric line that begins so.
    pub(crate) fn metric(&self, line: &str) -> u64 {
        let rendered = self.metrics.render();
        let value = rendered.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(' '));
        value.map_or(0, |value| value.parse().expect("a metric is a number"))
    }
}

/// Options for this namespace.
pub(crate) fn options(namespace: &str) -> RabbitOptions {
    let mut options = RabbitOptions::new(url().into());
    namespace.clone_into(&mut options.namespace);
    "paceline tests".clone_into(&mut options.name);
    options.metrics = Arc::default();
    options
}

/// Names that are deleted at the end.
pub(crate) struct Namespace {
    pub(crate) name: String,
    senders: Mutex<BTreeSet<SenderId>>,
}

impl Namespace {
    pub(crate) fn new() -> Self {
        Self { name: format!("test-{}", fresh()), senders: Mutex::default() }
    }

    pub(crate) fn jobs_of(&self, sender: SenderId) -> ShortString {
        self.note(&[sender]);
        format!("{}.pl1.jobs.{sender}", self.name).into()
    }

    pub(crate) fn named(&self, rest: &str) -> ShortString {
        format!("{}.pl1.{rest}", self.name).into()
    }

    /// Senders whose queues are to be deleted at the end.
    pub(crate) fn note(&self, senders: &[SenderId]) {
        self.senders.lock().unwrap().extend(senders);
    }

    async fn delete(&self) {
        let connection = connect().await;
        let channel = connection.create_channel().await.unwrap();
        let senders = self.senders.lock().unwrap().clone();
        let queues = senders.into_iter().map(|sender| self.jobs_of(sender));
        let shared = ["dead", "results.0", "results.1", "results.2", "results.3"].map(|name| self.named(name));
        for queue in queues.chain(shared) {
            channel.queue_delete(queue, QueueDeleteOptions::default()).await.unwrap();
        }
        for exchange in ["jobs", "results", "dlx"].map(|name| self.named(name)) {
            channel.exchange_delete(exchange, ExchangeDeleteOptions::default()).await.unwrap();
        }
        connection.close(200, "OK".into()).await.unwrap();
    }
}

impl Drop for Namespace {
    /// On a runtime of its own: the test's own may be unwinding.
    fn drop(&mut self) {
        let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let delete = || runtime().block_on(async { timeout(Duration::from_mins(1), self.delete()).await });
        let deleted = std::thread::scope(|scope| scope.spawn(delete).join());
        if !std::thread::panicking() {
            deleted.expect("the namespace is deleted").expect("the namespace is deleted in time");
        }
    }
}

/// A connection beside those of the queue under test.
pub(crate) async fn connect() -> Connection {
    Connection::connect(&url(), ConnectionProperties::default()).await.expect("the broker of the tests is there")
}

/// A channel beside those of the queue under test.
pub(crate) async fn open_channel() -> (Connection, Channel) {
    let connection = connect().await;
    let channel = connection.create_channel().await.unwrap();
    (connection, channel)
}

#[async_trait]
impl JobQueue for Installation {
    async fn declare_senders(&self, senders: &[SenderId]) -> QueueResult<()> {
        self.namespace.note(senders);
        self.queue.declare_senders(senders).await
    }

    async fn publish_jobs(&self, jobs: Vec<Job>) -> QueueResult<Vec<Publication>> {
        self.queue.publish_jobs(jobs).await
    }

    async fn consume_jobs(&self, sender: SenderId, prefetch: u16) -> QueueResult<Box<dyn JobConsumer>> {
        self.namespace.note(&[sender]);
        self.queue.consume_jobs(sender, prefetch).await
    }

    async fn remove_sender(&self, sender: SenderId) -> QueueResult<()> {
        self.queue.remove_sender(sender).await
    }
}

#[async_trait]
impl DeadQueue for Installation {
    async fn consume_dead(&self) -> QueueResult<Box<dyn DeadConsumer>> {
        self.queue.consume_dead().await
    }
}

#[async_trait]
impl ResultQueue for Installation {
    async fn publish_results(&self, results: Vec<WorkerResult>) -> QueueResult<()> {
        self.queue.publish_results(results).await
    }

    async fn consume_results(&self, shard: u16) -> QueueResult<Box<dyn ResultConsumer>> {
        self.queue.consume_results(shard).await
    }
}
