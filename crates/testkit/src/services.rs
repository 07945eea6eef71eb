//! Services of its own for each test: an empty database and a namespace of the broker, on the servers that the environment names.

use paceline_domain::SenderId;
use paceline_queue_rabbitmq::testing::TestNamespace;
use paceline_store_postgres::testing::TestDatabase;

/// Why there are no services for a test, or why something cannot be done to them.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NoServices(String);

/// An empty database and a namespace of the broker, which both vanish with this.
#[derive(Debug)]
pub struct TestServices {
    database: TestDatabase,
    namespace: TestNamespace,
    amqp_url: String,
}

impl TestServices {
    /// On the servers that `DATABASE_URL` and `AMQP_URL` name. The database's user must be allowed to create databases.
    ///
    /// # Errors
    /// When a variable is not set, or the database server cannot be used: a test that needs the services fails without them.
    pub async fn from_environment() -> Result<Self, NoServices> {
        let server = variable("DATABASE_URL")?;
        let amqp_url = variable("AMQP_URL")?;
        let database = TestDatabase::create_empty(&server).await.map_err(|error| NoServices(error.to_string()))?;
        Ok(Self { database, namespace: TestNamespace::new(&amqp_url), amqp_url })
    }

    /// The database's address.
    pub fn database_url(&self) -> &str {
        self.database.url()
    }

    /// The broker's address.
    pub fn amqp_url(&self) -> &str {
        &self.amqp_url
    }

    /// The namespace at the broker.
    pub fn namespace(&self) -> &str {
        self.namespace.namespace()
    }

    /// Senders whose queues are in the namespace, by id: they are deleted at the end.
    ///
    /// # Errors
    /// One is no id of a sender.
    pub fn note_senders<'a>(&self, ids: impl IntoIterator<Item = &'a str>) -> Result<(), NoServices> {
        for id in ids {
            self.namespace.note(&[sender(id)?]);
        }
        Ok(())
    }

    /// Deletes every queue, with all that they carry: the noted senders' and the shared ones.
    ///
    /// # Errors
    /// The broker is away, or refuses.
    pub async fn delete_queues(&self) -> Result<(), NoServices> {
        self.namespace.delete_queues().await.map_err(|error| NoServices(error.to_string()))
    }

    /// Lets the deadline of every release pass, so that what the broker lost is released again without anyone waiting for it.
    ///
    /// # Errors
    /// The database is away, or has no schema.
    pub async fn end_releases(&self) -> Result<(), NoServices> {
        self.database.end_releases().await.map_err(|error| NoServices(error.to_string()))
    }

    /// Puts a queue of other arguments in the place of a sender's; answers with its name.
    ///
    /// # Errors
    /// The broker is away, or refuses.
    pub async fn obstruct_queue_of(&self, id: &str) -> Result<String, NoServices> {
        self.namespace.obstruct(sender(id)?).await.map_err(|error| NoServices(error.to_string()))
    }

    /// Publishes a result message that no release of ours can read.
    ///
    /// # Errors
    /// The broker is away, or refuses.
    pub async fn publish_foreign(&self, shard: u16, body: &[u8]) -> Result<(), NoServices> {
        self.namespace.publish_foreign(shard, body).await.map_err(|error| NoServices(error.to_string()))
    }

    /// Lets results die: they come to the dead queue as if the broker had taken them out of theirs.
    ///
    /// # Errors
    /// The broker is away, or refuses.
    pub async fn publish_dead_results(&self, body: &[u8]) -> Result<(), NoServices> {
        self.namespace.publish_dead_results(body).await.map_err(|error| NoServices(error.to_string()))
    }

    /// Deletes a sender's queue, whatever its arguments.
    ///
    /// # Errors
    /// The broker is away, or refuses.
    pub async fn delete_queue_of(&self, id: &str) -> Result<(), NoServices> {
        self.namespace.delete_queue_of(sender(id)?).await.map_err(|error| NoServices(error.to_string()))
    }
}

fn variable(name: &str) -> Result<String, NoServices> {
    std::env::var(name).map_err(|_| {
        NoServices(format!("{name} is not set: scripts/test sets it; by hand, eval \"$(scripts/services up)\""))
    })
}

fn sender(id: &str) -> Result<SenderId, NoServices> {
    id.parse().map_err(|_| NoServices(format!("{id} is no id of a sender")))
}
