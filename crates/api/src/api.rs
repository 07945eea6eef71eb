//! What every handler is given.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{Router, extract::FromRef};
use chrono::{DateTime, Utc};
use paceline_domain::{ApiKeyId, Clock, EgressPolicy, Minter};
use paceline_pacing::Profiles;
use paceline_store::Store;
use paceline_telemetry::{HistogramVec, IntCounterVec, Metrics};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::{OperationsDeps, ReadinessProbe, idempotency, known::Known, observe};

/// What the API is made of.
#[derive(Clone)]
pub struct ApiDeps {
    /// The database.
    pub store: Arc<dyn Store>,
    /// Campaign time and real time.
    pub clock: Arc<dyn Clock>,
    /// Ids, secrets and seeds.
    pub minter: Arc<Minter>,
    /// The pacing profiles that a sender may be given.
    pub profiles: Arc<Profiles>,
    /// Shown at `/metrics`.
    pub metrics: Arc<Metrics>,
    /// Asked by `/readyz`; the API has no probe of its own.
    pub readiness: Arc<dyn ReadinessProbe>,
    /// Limits and permissions.
    pub options: ApiOptions,
    /// The console: `/`, `/assets/…`, and the page for whatever else a browser asks for. `None`: there is none.
    pub pages: Option<Router>,
    /// Ends live streams and turns `/readyz` to 503.
    pub stop: CancellationToken,
}

impl std::fmt::Debug for ApiDeps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiDeps").field("options", &self.options).finish_non_exhaustive()
    }
}

/// Limits and permissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiOptions {
    /// The longest body of one upload of recipients, in bytes.
    pub max_upload_bytes: u64,
    /// The most senders that `/metrics/senders` shows; 0: there is no such page.
    pub sender_metrics: u32,
    /// The most rows that a campaign's uploads may have together.
    pub max_recipients: u64,
    /// The egress policy: where webhooks may be posted. Applied here to addresses that a URL names literally; the dispatcher
    /// applies it again to what a name resolves to.
    pub webhook_egress: EgressPolicy,
    /// The pacing profile of a sender that is added without one.
    pub default_profile: String,
    /// The most live streams of one API key.
    pub max_streams: usize,
    /// The most webhook endpoints of one workspace.
    pub max_endpoints: usize,
}

impl Default for ApiOptions {
    fn default() -> Self {
        Self {
            max_upload_bytes: 1 << 30,
            sender_metrics: 0,
            max_recipients: 5_000_000,
            webhook_egress: EgressPolicy::PublicOnly,
            default_profile: Profiles::DEFAULT.to_owned(),
            max_streams: 16,
            max_endpoints: 100,
        }
    }
}

/// The state behind the router: what it was made of, and what is made once from that.
#[derive(Clone)]
pub(crate) struct Api(Arc<Inner>);

struct Inner {
    deps: ApiDeps,
    requests: IntCounterVec,
    durations: HistogramVec,
    keys: IntCounterVec,
    document: String,
    known: Known,
    previews: Semaphore,
    streams: Mutex<HashMap<ApiKeyId, usize>>,
}

/// A live stream's place among those of its key, which is free again when this is dropped.
pub(crate) struct StreamPlace {
    api: Api,
    key: ApiKeyId,
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        let mut streams = self.api.streams();
        if let Some(count) = streams.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                streams.remove(&self.key);
            }
        }
    }
}

/// How many previews are rendered at a time.
const PREVIEWS: usize = 2;

impl Api {
    pub(crate) fn new(deps: ApiDeps, document: String) -> Self {
        let requests = observe::request_counter(&deps.metrics);
        let durations = observe::duration_histogram(&deps.metrics);
        let keys = idempotency::key_counter(&deps.metrics);
        Self(Arc::new(Inner {
            deps,
            requests,
            durations,
            keys,
            document,
            known: Known::default(),
            previews: Semaphore::new(PREVIEWS),
            streams: Mutex::default(),
        }))
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.0.deps.store
    }
    pub(crate) fn shared_store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.0.deps.store)
    }
    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.0.deps.clock
    }
    /// Campaign time.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.0.deps.clock.now()
    }
    pub(crate) fn minter(&self) -> &Arc<Minter> {
        &self.0.deps.minter
    }
    pub(crate) fn profiles(&self) -> &Profiles {
        &self.0.deps.profiles
    }
    pub(crate) fn options(&self) -> &ApiOptions {
        &self.0.deps.options
    }
    pub(crate) fn stop(&self) -> &CancellationToken {
        &self.0.deps.stop
    }
    pub(crate) fn pages(&self) -> Option<Router> {
        self.0.deps.pages.clone()
    }
    /// A place for a live stream of this key; `None` when it has as many as it may.
    pub(crate) fn open_stream(&self, key: ApiKeyId) -> Option<StreamPlace> {
        let mut streams = self.streams();
        let count = streams.entry(key).or_default();
        if *count >= self.options().max_streams {
            return None;
        }
        *count += 1;
        drop(streams);
        Some(StreamPlace { api: self.clone(), key })
    }

    fn streams(&self) -> MutexGuard<'_, HashMap<ApiKeyId, usize>> {
        self.0.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A turn to render a preview.
    pub(crate) fn previews(&self) -> &Semaphore {
        &self.0.previews
    }
    pub(crate) fn requests(&self) -> &IntCounterVec {
        &self.0.requests
    }
    pub(crate) fn durations(&self) -> &HistogramVec {
        &self.0.durations
    }
    pub(crate) fn known(&self) -> &Known {
        &self.0.known
    }
    pub(crate) fn keys(&self) -> &IntCounterVec {
        &self.0.keys
    }
    pub(crate) fn document(&self) -> &str {
        &self.0.document
    }
}

impl FromRef<Api> for OperationsDeps {
    fn from_ref(api: &Api) -> Self {
        let deps = &api.0.deps;
        Self { metrics: Arc::clone(&deps.metrics), readiness: Arc::clone(&deps.readiness), stop: deps.stop.clone() }
    }
}
