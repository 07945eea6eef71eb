//! An embedded installation: every role in one process, on SQLite and the embedded queue. What `demo` runs, and `up` without services.

use std::{net::SocketAddr, sync::Arc};

use paceline_queue_embedded::{EmbeddedOptions, EmbeddedQueue};
use paceline_store::{
    fleet::FleetStore as _,
    idempotency::IdempotencyStore as _,
    leases::{DeadHolder, LeaseStore as _},
    recipients::RecipientStore as _,
    release::ReleaseStore as _,
};
use paceline_store_sqlite::{SqliteOptions, SqliteStore};

use crate::{
    data_dir::DataDir,
    front::Front,
    output::Output,
    part::{Ground, Part, Welcome},
    readiness::Readiness,
    setup::Setup,
};

/// A running embedded installation.
pub(crate) struct Stack {
    /// Where the API listens.
    pub(crate) address: SocketAddr,
    /// The admin key of a new installation, and the link that signs a browser in.
    pub(crate) welcome: Welcome,
    ground: Ground<SqliteStore, EmbeddedQueue>,
    front: Front,
    worker: Part,
    control: Part,
    webhooks: Part,
    _data: DataDir,
}

impl Stack {
    /// Opens the store, makes the first workspace where there is none, and starts every part.
    pub(crate) async fn start(data: DataDir, setup: Setup) -> anyhow::Result<Self> {
        let store = open(&data, &setup).await?;
        let queue = EmbeddedQueue::new(EmbeddedOptions { metrics: Arc::clone(&setup.metrics), ..Default::default() });
        let ground = Ground { store: Arc::new(store), queue: Arc::new(queue), setup: Arc::new(setup) };
        let welcome = ground.bootstrap().await?;
        let readiness = Arc::new(Readiness::default());
        readiness.watch_store(ground.store.clone());
        let front = Front::open(&ground.setup, readiness.clone()).await?;
        front.serve(ground.api(readiness, front.draining.clone()));
        Ok(Self {
            address: front.address,
            welcome,
            control: ground.start_control(),
            worker: ground.start_worker(),
            webhooks: ground.start_webhooks()?,
            ground,
            front,
            _data: data,
        })
    }

    /// Tells the admin key of a new installation, and the link to the console.
    pub(crate) async fn welcome(&self, api: &str, output: Output) -> anyhow::Result<()> {
        self.ground.welcome(&self.welcome, api, output).await
    }

    /// Ends every part in order: readiness first, then who takes work, then who applies what was done.
    pub(crate) async fn stop(self) {
        self.front.draining.cancel();
        self.worker.end().await;
        self.control.end().await;
        self.webhooks.end().await;
        self.front.close().await;
        self.ground.store.close().await;
    }
}

/// The folder's lock proves that no other process lives: its leases are over, and its queue is gone.
async fn open(data: &DataDir, setup: &Setup) -> anyhow::Result<SqliteStore> {
    let store =
        paceline_store_sqlite::open(SqliteOptions::new(data.private_database()?), Arc::clone(&setup.minter)).await?;
    let store = store.with_metrics(&setup.metrics);
    store.end_leases(DeadHolder::Everyone).await?;
    // A worker of before that is still registered would keep its share of the senders from us until it counts as silent.
    for worker in store.list_workers().await? {
        store.remove_worker(worker.report.id).await?;
    }
    store.void_releases().await?;
    store.void_uploads().await?;
    store.void_idempotency_claims().await?;
    Ok(store)
}
