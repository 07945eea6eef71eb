//! The parts of a process, each wired from one store and one queue, whichever they are.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use axum::Router;
use paceline_api::{ApiDeps, ApiKeySecret, ReadinessProbe, SIGN_IN_LINK_LIFE, sign_in_link};
use paceline_channel_simulator::SimulatorChannel;
use paceline_control::{Control, ControlDeps};
use paceline_domain::{UnknownPolicy, WorkspaceKey};
use paceline_queue::Queue;
use paceline_store::{
    Store,
    workspaces::{ApiKey, Bootstrap, Workspace},
};
use paceline_webhooks::{WebhookDeps, Webhooks};
use paceline_worker::{SessionKey, SessionKeyring, Worker, WorkerDeps};
use serde_json::json;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{output::Output, setup::Setup};

/// How long a part may take to end in order.
const DRAIN_LIMIT: Duration = Duration::from_secs(50);

/// A part that runs until its token is cancelled, and then ends in order.
pub(crate) struct Part {
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

    /// Ends it in order, within the limit.
    pub(crate) async fn end(self) {
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

/// What somebody who starts an installation is to be told.
pub(crate) struct Welcome {
    /// A key of the first workspace. `None`: it has none any more.
    key: Option<ApiKey>,
    /// The key itself, where it is new.
    pub(crate) secret: Option<ApiKeySecret>,
}

/// What the parts stand on.
pub(crate) struct Ground<S, Q> {
    /// The database.
    pub(crate) store: Arc<S>,
    /// The broker.
    pub(crate) queue: Arc<Q>,
    /// Everything else.
    pub(crate) setup: Arc<Setup>,
}

impl<S: Store + 'static, Q: Queue + 'static> Ground<S, Q> {
    /// Makes the first workspace with its admin key, where there is none; another key, where nobody is known to have seen that one. What
    /// came of it is to be told by [`Self::welcome`].
    pub(crate) async fn bootstrap(&self) -> anyhow::Result<Welcome> {
        let (minter, now) = (&self.setup.minter, self.setup.clock.now());
        let secret = ApiKeySecret::generate(minter);
        let workspace = Workspace {
            id: minter.mint(now),
            name: "default".to_owned(),
            key: WorkspaceKey::from_bytes(minter.bytes()),
            unknown_policy: UnknownPolicy::default(),
            created_at: now,
        };
        let key = ApiKey {
            id: minter.mint(now),
            workspace: workspace.id,
            name: "admin".to_owned(),
            hash: secret.sha256(),
            created_at: now,
        };
        Ok(match self.store.bootstrap(workspace, key.clone()).await? {
            Bootstrap::Created => Welcome { key: Some(key), secret: Some(secret) },
            Bootstrap::Unseen(first) => {
                Welcome { key: Some(ApiKey { workspace: first.id, ..key }), secret: Some(secret) }
            }
            Bootstrap::Existing(first) => {
                Welcome { key: self.store.list_api_keys(first.id).await?.into_iter().next(), secret: None }
            }
        })
    }

    /// Tells the key of a new installation, set apart from what is logged around it, and notes that it was; and a link that signs a browser
    /// in, once.
    pub(crate) async fn welcome(&self, welcome: &Welcome, api: &str, output: Output) -> anyhow::Result<()> {
        if let Some(key) = welcome.secret.as_ref().map(ApiKeySecret::expose) {
            output.emit(&json!({ "event": "api_key", "key": key }));
            let line = "─".repeat(72);
            output.say(format!(
                "\n{line}\n  The admin API key, shown this once; keep it:\n\n      {key}\n\n  For the commands:  export PACELINE_API__KEY={key}\n{line}\n"
            ));
            self.store.record_key_shown().await?;
        }
        if let Some(key) = &welcome.key {
            let (link, place) = sign_in_link(&self.setup.minter, key, self.setup.clock.real_now());
            self.store.add_sign_in(link).await?;
            let minutes = SIGN_IN_LINK_LIFE.num_minutes();
            output.emit(&json!({ "event": "sign_in", "url": format!("{api}{place}") }));
            output.say(format!("The console, signed in once within {minutes} minutes: {api}{place}"));
        }
        Ok(())
    }

    /// Plans, releases, applies results, sweeps.
    pub(crate) fn start_control(&self) -> Part {
        let deps = ControlDeps {
            store: self.store.clone(),
            queue: self.queue.clone(),
            clock: Arc::clone(&self.setup.clock),
            minter: Arc::clone(&self.setup.minter),
            profiles: Arc::clone(&self.setup.profiles),
            metrics: Arc::clone(&self.setup.metrics),
        };
        let control = Control::new(deps, self.setup.control.clone());
        Part::start("control", |stop| async move { control.run(stop).await })
    }

    /// Works for senders.
    pub(crate) fn start_worker(&self) -> Part {
        let deps = WorkerDeps {
            store: self.store.clone(),
            queue: self.queue.clone(),
            channels: vec![Arc::new(SimulatorChannel::new(&self.setup.simulator_url))],
            clock: Arc::clone(&self.setup.clock),
            profiles: Arc::clone(&self.setup.profiles),
            keyring: SessionKeyring::new(SessionKey::new("1", &self.setup.session_key), Vec::new()),
            metrics: Arc::clone(&self.setup.metrics),
        };
        let worker = Worker::new(deps, self.setup.worker.clone());
        Part::start("worker", |stop| async move { worker.run(stop).await })
    }

    /// Delivers events to customers.
    pub(crate) fn start_webhooks(&self) -> anyhow::Result<Part> {
        let deps = WebhookDeps {
            store: self.store.clone(),
            clock: Arc::clone(&self.setup.clock),
            metrics: Arc::clone(&self.setup.metrics),
        };
        let webhooks = Webhooks::new(deps, self.setup.webhooks.clone()).context("webhooks")?;
        Ok(Part::start("webhooks", |stop| async move { webhooks.run(stop).await }))
    }

    /// The API, which ends its streams when `stop` is cancelled.
    pub(crate) fn api(&self, readiness: Arc<dyn ReadinessProbe>, stop: CancellationToken) -> Router {
        paceline_api::router(ApiDeps {
            store: self.store.clone(),
            clock: Arc::clone(&self.setup.clock),
            minter: Arc::clone(&self.setup.minter),
            profiles: Arc::clone(&self.setup.profiles),
            metrics: Arc::clone(&self.setup.metrics),
            readiness,
            options: self.setup.api.clone(),
            pages: Some(paceline_console::router()),
            stop,
        })
    }
}
