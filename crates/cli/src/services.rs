//! The services of the full stack: PostgreSQL and RabbitMQ, waited for when they are away.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use paceline_config::{Amqp, Database, ExposeSecret as _, QueueKind, SecretString};
use paceline_queue_rabbitmq::{QueueType, RabbitOptions, RabbitQueue};
use paceline_store_postgres::{Migrations, OpenError, PostgresOptions, PostgresStore, Statements};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{part::Ground, readiness::Readiness, setup::Setup};

/// How long to wait between two tries to open the database.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// How often the log says that the database is still away.
const SAY_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// Where the services are; both, or the installation is embedded.
#[derive(Debug, Clone)]
pub(crate) struct Services {
    pub(crate) database: Database,
    pub(crate) amqp: Amqp,
    pub(crate) database_url: SecretString,
    pub(crate) amqp_url: SecretString,
}

/// What kind of process asks for services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    /// One that serves many: it brings the schema up to date and has as many connections as configured.
    Server,
    /// One that works for this many senders at most: a connection for each hundred.
    Worker(u32),
}

/// What a process on the full stack stands on.
pub(crate) type FullGround = Ground<PostgresStore, RabbitQueue>;

impl Services {
    /// Opens the database as soon as it is there, and begins to connect to the broker. `None` when `stop` was cancelled first.
    pub(crate) async fn open(
        &self,
        client: Client,
        setup: Arc<Setup>,
        readiness: &Readiness,
        stop: &CancellationToken,
    ) -> anyhow::Result<Option<FullGround>> {
        let Some(store) = self.open_store(client, &setup, readiness, stop).await? else { return Ok(None) };
        self.ground(store, setup, readiness).map(Some)
    }

    /// Begins to connect to the broker, beside a database that is open.
    pub(crate) fn ground(
        &self,
        store: PostgresStore,
        setup: Arc<Setup>,
        readiness: &Readiness,
    ) -> anyhow::Result<FullGround> {
        let (store, queue) = (Arc::new(store), Arc::new(self.start_queue(&setup)?));
        readiness.watch_store(store.clone());
        readiness.watch_broker(Arc::clone(&queue));
        Ok(Ground { store, queue, setup })
    }

    /// The database's options for this kind of process.
    pub(crate) fn database_options(&self, client: Client) -> anyhow::Result<PostgresOptions> {
        let mut options = PostgresOptions::new(self.database_url.expose_secret())?;
        options.statement_timeout = self.database.statement_timeout;
        options.statements = match self.database.statements {
            paceline_config::Statements::Prepared => Statements::Prepared,
            paceline_config::Statements::Unnamed => Statements::Unnamed,
        };
        match client {
            Client::Server => {
                options.max_connections = self.database.connections;
                // Whoever asks the API while the database is away is told so before losing patience.
                options.acquire_timeout = Duration::from_secs(3);
            }
            Client::Worker(slots) => {
                options.max_connections = slots.div_ceil(100).max(1);
                options.migrations = Migrations::Expect;
            }
        }
        Ok(options)
    }

    /// The broker's options.
    pub(crate) fn broker_options(&self) -> RabbitOptions {
        let mut options = RabbitOptions::new(self.amqp_url.clone());
        options.namespace.clone_from(&self.amqp.namespace);
        options.queue_type = match self.amqp.queues {
            QueueKind::Quorum => QueueType::Quorum,
            QueueKind::Classic => QueueType::Classic,
        };
        options
    }

    /// Opens the database once it is there.
    pub(crate) async fn open_store(
        &self,
        client: Client,
        setup: &Setup,
        readiness: &Readiness,
        stop: &CancellationToken,
    ) -> anyhow::Result<Option<PostgresStore>> {
        let mut said: Option<Instant> = None;
        loop {
            let opened = tokio::select! {
                opened = paceline_store_postgres::open(self.database_options(client)?, Arc::clone(&setup.minter)) => opened,
                () = stop.cancelled() => return Ok(None),
            };
            let error = match opened {
                Ok(store) => {
                    if said.is_some() {
                        tracing::info!("the database is there");
                    }
                    return Ok(Some(store.with_metrics(&setup.metrics)));
                }
                Err(error) if waits(&error) => error,
                Err(error) => return Err(error).context("the database cannot be used"),
            };
            // A server brings the schema up to date when it starts, so that there is nothing to do but to start one.
            let is_older = matches!(error, OpenError::SchemaOlder { .. });
            let remedy = if is_older { ": a server that starts brings it there" } else { "" };
            readiness.wait_for_database(format!("{error}{remedy}"));
            if said.is_none_or(|at| at.elapsed() >= SAY_AGAIN_AFTER) {
                if is_older {
                    tracing::info!(%error, "waiting for a server (`paceline serve`) to bring the schema up to date");
                } else {
                    tracing::warn!(%error, "waiting for the database; `paceline check` explains");
                }
                said = Some(Instant::now());
            }
            tokio::select! {
                () = tokio::time::sleep(TRY_AGAIN_AFTER) => {}
                () = stop.cancelled() => return Ok(None),
            }
        }
    }

    fn start_queue(&self, setup: &Setup) -> anyhow::Result<RabbitQueue> {
        let mut options = self.broker_options();
        options.name = format!("paceline {} on {}", std::process::id(), setup.worker.host);
        options.seed = u64::from_be_bytes(setup.minter.bytes());
        options.metrics = Arc::clone(&setup.metrics);
        Ok(RabbitQueue::start(options)?)
    }
}

/// Whether it may pass without this process being started again: the database is away, or someone is about to migrate it.
fn waits(error: &OpenError) -> bool {
    error.is_transient() || matches!(error, OpenError::SchemaOlder { .. })
}
