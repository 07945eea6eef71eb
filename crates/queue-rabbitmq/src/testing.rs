//! Namespaces for tests: each test has one of its own, which vanishes with its guard, and may do to it what an operator does by
//! mistake.

use std::{
    collections::BTreeSet,
    hash::{BuildHasher as _, RandomState},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use lapin::{
    BasicProperties, Channel,
    options::{BasicPublishOptions, ExchangeDeleteOptions, QueueDeclareOptions},
    types::{FieldTable, ShortString},
};
use paceline_domain::SenderId;
use paceline_queue::QueueResult;
use tokio::time::timeout;

use crate::{
    address::Address,
    dial::{Dialled, dial},
    fault::Fault,
    names::{Names, result_key, shards},
    options::{QueueType, RabbitOptions},
    topology::{Topology, queue_called},
};

const ANSWER_WAIT: Duration = Duration::from_secs(30);

/// A namespace of one test. All that is in it is deleted when this goes away.
#[derive(Debug)]
pub struct TestNamespace {
    options: RabbitOptions,
    senders: Mutex<BTreeSet<SenderId>>,
}

impl TestNamespace {
    /// A namespace that nobody has used, on the broker at `url`, which is not asked yet.
    pub fn new(url: &str) -> Self {
        let mut options = RabbitOptions::new(url.to_owned().into());
        options.namespace = format!("test-{:016x}", RandomState::new().hash_one(0_u8));
        "paceline tests".clone_into(&mut options.name);
        Self { options, senders: Mutex::default() }
    }

    /// Its name.
    pub fn namespace(&self) -> &str {
        &self.options.namespace
    }

    /// Senders whose queues are in it. The broker does not list them to its clients.
    pub fn note(&self, senders: &[SenderId]) {
        self.senders.lock().unwrap_or_else(PoisonError::into_inner).extend(senders);
    }

    /// Deletes every queue of the installation, with all that they carry: the noted senders' and the shared ones.
    ///
    /// # Errors
    /// The broker is away, or refuses.
    pub async fn delete_queues(&self) -> QueueResult<()> {
        self.on_channel(async |channel, topology| {
            for queue in self.queues(&topology.names) {
                topology.delete(channel, &queue).await?;
            }
            Ok(())
        })
        .await
    }

    /// Puts a queue of other arguments in the place of a sender's; answers with its name.
    ///
    /// # Errors
    /// The broker is away, or refuses.
    pub async fn obstruct(&self, sender: SenderId) -> QueueResult<String> {
        self.note(&[sender]);
        let queue = self.topology()?.names.jobs_of(sender);
        self.on_channel(async |channel, topology| {
            topology.delete(channel, &queue).await?;
            let declaring = channel.queue_declare(queue.clone(), QueueDeclareOptions::durable(), FieldTable::default());
            let declared = topology.bounded(declaring).await?;
            declared.map(drop).map_err(|error| Fault::of_declaring(error, &queue_called(&queue)))
        })
        .await?;
        Ok(queue.to_string())
    }

    /// Publishes a result message to a shard as whoever speaks of another version would, with the type and the body that it has.
    ///
    /// # Errors
    /// The broker is away, or refuses.
    pub async fn publish_foreign(&self, shard: u16, body: &[u8]) -> QueueResult<()> {
        let exchange = self.topology()?.names.results();
        self.publish((exchange, result_key(shard)), "results.v99", body).await
    }

    /// Lets results die: they come to the dead queue as if the broker had taken them out of theirs.
    ///
    /// # Errors
    /// The broker is away, or refuses.
    pub async fn publish_dead_results(&self, body: &[u8]) -> QueueResult<()> {
        let exchange = self.topology()?.names.dead_letters();
        self.publish((exchange, "results".into()), "results.v1", body).await
    }

    async fn publish(&self, to: (ShortString, ShortString), kind: &str, body: &[u8]) -> QueueResult<()> {
        let properties = BasicProperties::default().with_type(kind.into()).with_delivery_mode(2);
        self.on_channel(async |channel, topology| {
            let (exchange, key) = to;
            let publishing = channel.basic_publish(exchange, key, BasicPublishOptions::default(), body, properties);
            let published = topology.bounded(publishing).await?;
            published.map(drop).map_err(|error| Fault::of_using(error, "the exchanges"))
        })
        .await
    }

    /// Deletes a sender's queue, whatever its arguments.
    ///
    /// # Errors
    /// The broker is away, or refuses.
    pub async fn delete_queue_of(&self, sender: SenderId) -> QueueResult<()> {
        let queue = self.topology()?.names.jobs_of(sender);
        self.on_channel(async |channel, topology| topology.delete(channel, &queue).await).await
    }

    async fn delete_all(&self) -> QueueResult<()> {
        self.delete_queues().await?;
        self.on_channel(async |channel, topology| {
            let names = &topology.names;
            for exchange in [names.jobs(), names.results(), names.dead_letters()] {
                let deleting = channel.exchange_delete(exchange, ExchangeDeleteOptions::default());
                // An exchange that is not there is deleted too.
                topology.bounded(deleting).await?.map_err(|error| Fault::of_using(error, "the exchanges"))?;
            }
            Ok(())
        })
        .await
    }

    fn queues(&self, names: &Names) -> Vec<ShortString> {
        let senders = self.senders.lock().unwrap_or_else(PoisonError::into_inner);
        let jobs = senders.iter().map(|&sender| names.jobs_of(sender));
        jobs.chain(shards().map(|shard| names.results_of(shard))).chain([names.dead()]).collect()
    }

    fn topology(&self) -> QueueResult<Topology> {
        let names = Names::new(&self.options.namespace)?;
        Ok(Topology { names, queue_type: QueueType::Quorum, answer_wait: ANSWER_WAIT })
    }

    /// On a connection of its own, which has ended afterwards.
    async fn on_channel(&self, act: impl AsyncFnOnce(&Channel, &Topology) -> Result<(), Fault>) -> QueueResult<()> {
        let topology = self.topology()?;
        let address = Address::parse(&self.options)?;
        let Dialled { connection, hangup } = dial(&address, &self.options.name).await?;
        let acted = async {
            let created = topology.bounded(connection.create_channel()).await?;
            let channel = created.map_err(|error| Fault::of_using(error, "the virtual host"))?;
            act(&channel, &topology).await
        };
        let acted = acted.await;
        // What fails here fails because the connection has ended.
        let _ = timeout(ANSWER_WAIT, connection.close(200, "OK".into())).await;
        hangup.cut();
        Ok(acted?)
    }
}

impl Drop for TestNamespace {
    /// On a runtime of its own: the test's may not be blocked, and may be gone already. What stays behind when the broker is away
    /// is in nobody's way, for no other test has the name.
    fn drop(&mut self) {
        let delete = || {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
            let _ = runtime.block_on(async { timeout(Duration::from_mins(1), self.delete_all()).await });
        };
        let _ = std::thread::scope(|scope| scope.spawn(delete).join());
    }
}
