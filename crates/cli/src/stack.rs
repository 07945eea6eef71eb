//! An embedded installation: every role in one process, on SQLite and the embedded queue. What `up` and `demo` run.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use async_trait::async_trait;
use paceline_api::{ApiDeps, ApiKeySecret, ApiOptions, ProbeResult, ReadinessProbe};
use paceline_channel_simulator::SimulatorChannel;
use paceline_control::{Control, ControlDeps, ControlOptions};
use paceline_domain::{Clock, Minter, WorkspaceKey};
use paceline_pacing::Profiles;
use paceline_queue_embedded::{EmbeddedOptions, EmbeddedQueue};
use paceline_store::{
    health::HealthStore as _,
    idempotency::IdempotencyStore as _,
    leases::{DeadHolder, LeaseStore as _},
    recipients::RecipientStore as _,
    release::ReleaseStore as _,
    workspaces::{ApiKey, Bootstrap, Workspace, WorkspaceStore as _},
};
use paceline_store_sqlite::{SqliteOptions, SqliteStore};
use paceline_telemetry::Metrics;
use paceline_webhooks::{WebhookDeps, WebhookOptions, Webhooks};
use paceline_worker::{SessionKey, SessionKeyring, Worker, WorkerDeps, WorkerOptions};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::data_dir::DataDir;

/// How long a part may take to end in order.
const DRAIN_LIMIT: Duration = Duration::from_secs(30);

/// What a stack is made of.
pub(crate) struct StackSetup {
    /// The locked folder.
    pub(crate) data: DataDir,
    /// Campaign time and real time.
    pub(crate) clock: Arc<dyn Clock>,
    /// Ids, secrets and seeds.
    pub(crate) minter: Arc<Minter>,
    /// The pacing profiles.
    pub(crate) profiles: Arc<Profiles>,
    /// Where the API listens; port 0 takes a free one.
    pub(crate) listen: SocketAddr,
    /// The simulated network's address, for senders of that channel.
    pub(crate) simulator_url: String,
    /// The key that seals sessions, instead of the one in the folder.
    pub(crate) master_key: Option<[u8; 32]>,
    /// Limits of the API.
    pub(crate) api: ApiOptions,
    /// The dispatcher's options.
    pub(crate) webhooks: WebhookOptions,
    /// The worker's options.
    pub(crate) worker: WorkerOptions,
}

/// A running stack.
pub(crate) struct Stack {
    /// Where the API listens.
    pub(crate) address: SocketAddr,
    /// The admin key of a new installation; shown once.
    pub(crate) new_key: Option<ApiKeySecret>,
    store: Arc<SqliteStore>,
    api: Part,
    worker: Part,
    control: Part,
    webhooks: Part,
    _data: DataDir,
}

/// A part that runs until its token is cancelled, and then ends in order.
struct Part {
    name: &'static str,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Part {
    fn start<F: Future<Output = ()> + Send + 'static>(
        name: &'static str,
        run: impl FnOnce(CancellationToken) -> F,
    ) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(run(stop.clone()));
        Self { name, stop, task }
    }

    async fn end(self) {
        self.stop.cancel();
        match tokio::time::timeout(DRAIN_LIMIT, self.task).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(part = self.name, %error, "a part failed"),
            Err(_) => {
                tracing::warn!(part = self.name, "a part did not end in time; the next start settles what it held");
            }
        }
    }
}

impl Stack {
    /// Opens the store, makes the first workspace where there is none, and starts every part.
    pub(crate) async fn start(setup: StackSetup) -> anyhow::Result<Self> {
        let options = SqliteOptions::new(setup.data.database());
        let store = Arc::new(SqliteStore::open(options, Arc::clone(&setup.minter)).await?);
        // The folder's lock proves that no other process lives: its leases are over, and its queue is gone.
        store.end_leases(DeadHolder::Everyone).await?;
        store.void_releases().await?;
        store.void_uploads().await?;
        store.void_idempotency_claims().await?;
        let new_key = bootstrap(&store, &setup).await?;

        let metrics = Arc::new(Metrics::new());
        metrics.add_process_figures();
        let queue =
            Arc::new(EmbeddedQueue::new(EmbeddedOptions { metrics: Arc::clone(&metrics), ..Default::default() }));
        let control = start_control(&setup, &store, &queue, &metrics);
        let worker = start_worker(&setup, &store, &queue, &metrics)?;
        let webhooks = start_webhooks(&setup, &store, &metrics)?;
        let (address, api) = start_api(&setup, &store, &metrics).await?;
        Ok(Self { address, new_key, store, api, worker, control, webhooks, _data: setup.data })
    }

    /// Ends every part in order: readiness first, then who takes work, then who applies what was done.
    pub(crate) async fn stop(self) {
        self.api.stop.cancel();
        self.worker.end().await;
        self.control.end().await;
        self.webhooks.end().await;
        self.api.end().await;
        self.store.close().await;
    }
}

async fn bootstrap(store: &SqliteStore, setup: &StackSetup) -> anyhow::Result<Option<ApiKeySecret>> {
    let now = setup.clock.now();
    let secret = ApiKeySecret::generate(&setup.minter);
    let workspace = Workspace {
        id: setup.minter.mint(now),
        name: "default".to_owned(),
        key: WorkspaceKey::from_bytes(setup.minter.bytes()),
        created_at: now,
    };
    let key = ApiKey {
        id: setup.minter.mint(now),
        workspace: workspace.id,
        name: "admin".to_owned(),
        hash: secret.sha256(),
        created_at: now,
    };
    match store.bootstrap(workspace, key).await? {
        Bootstrap::Created => Ok(Some(secret)),
        Bootstrap::Existing(_) => Ok(None),
    }
}

fn start_control(
    setup: &StackSetup,
    store: &Arc<SqliteStore>,
    queue: &Arc<EmbeddedQueue>,
    metrics: &Arc<Metrics>,
) -> Part {
    let deps = ControlDeps {
        store: store.clone(),
        queue: queue.clone(),
        clock: Arc::clone(&setup.clock),
        minter: Arc::clone(&setup.minter),
        profiles: Arc::clone(&setup.profiles),
        metrics: Arc::clone(metrics),
    };
    let control = Control::new(deps, ControlOptions::default());
    Part::start("control", |stop| async move { control.run(stop).await })
}

fn start_worker(
    setup: &StackSetup,
    store: &Arc<SqliteStore>,
    queue: &Arc<EmbeddedQueue>,
    metrics: &Arc<Metrics>,
) -> anyhow::Result<Part> {
    let session_key = match setup.master_key {
        Some(key) => key,
        None => setup.data.session_key(setup.minter.bytes())?,
    };
    let deps = WorkerDeps {
        store: store.clone(),
        queue: queue.clone(),
        channels: vec![Arc::new(SimulatorChannel::new(&setup.simulator_url))],
        clock: Arc::clone(&setup.clock),
        profiles: Arc::clone(&setup.profiles),
        keyring: SessionKeyring::new(SessionKey::new("1", &session_key), Vec::new()),
        metrics: Arc::clone(metrics),
    };
    let worker = Worker::new(deps, setup.worker.clone());
    Ok(Part::start("worker", |stop| async move { worker.run(stop).await }))
}

fn start_webhooks(setup: &StackSetup, store: &Arc<SqliteStore>, metrics: &Arc<Metrics>) -> anyhow::Result<Part> {
    let deps = WebhookDeps { store: store.clone(), clock: Arc::clone(&setup.clock), metrics: Arc::clone(metrics) };
    let webhooks = Webhooks::new(deps, setup.webhooks.clone()).context("webhooks")?;
    Ok(Part::start("webhooks", |stop| async move { webhooks.run(stop).await }))
}

async fn start_api(
    setup: &StackSetup,
    store: &Arc<SqliteStore>,
    metrics: &Arc<Metrics>,
) -> anyhow::Result<(SocketAddr, Part)> {
    let listener =
        TcpListener::bind(setup.listen).await.with_context(|| format!("cannot listen on {}", setup.listen))?;
    let address = listener.local_addr()?;
    let stop = CancellationToken::new();
    let deps = ApiDeps {
        store: store.clone(),
        clock: Arc::clone(&setup.clock),
        minter: Arc::clone(&setup.minter),
        profiles: Arc::clone(&setup.profiles),
        metrics: Arc::clone(metrics),
        readiness: Arc::new(Readiness { store: Arc::clone(store) }),
        options: setup.api.clone(),
        stop: stop.clone(),
    };
    let router = paceline_api::router(deps);
    let served = stop.clone();
    let task = tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(served.cancelled_owned()).await {
            tracing::error!(%error, "the API ended");
        }
    });
    Ok((address, Part { name: "api", stop, task }))
}

/// `/readyz` of an embedded installation: its only service is the database; the queue lives in this process.
struct Readiness {
    store: Arc<SqliteStore>,
}

#[async_trait]
impl ReadinessProbe for Readiness {
    async fn probes(&self) -> Vec<ProbeResult> {
        let outcome = self.store.ping().await.map_err(|error| error.to_string());
        vec![ProbeResult { name: "database".to_owned(), outcome }]
    }
}
