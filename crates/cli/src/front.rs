//! The one address of a process: health, readiness and metrics from the first moment, and the API once there is one.

use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
};

use anyhow::Context as _;
use axum::{Router, extract::Request};
use futures_util::FutureExt as _;
use paceline_api::{OperationsDeps, ReadinessProbe};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::setup::Setup;

/// A listening process.
pub(crate) struct Front {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Cancelled when the process drains: `/readyz` answers 503, and streams end.
    pub(crate) draining: CancellationToken,
    closed: CancellationToken,
    whole: Arc<OnceLock<Router>>,
    task: JoinHandle<()>,
}

impl Front {
    /// Listens, with the operator's routes alone.
    pub(crate) async fn open(
        listen: SocketAddr,
        setup: &Setup,
        readiness: Arc<dyn ReadinessProbe>,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
        let address = listener.local_addr()?;
        let (draining, closed) = (CancellationToken::new(), CancellationToken::new());
        let deps = OperationsDeps { metrics: Arc::clone(&setup.metrics), readiness, stop: draining.clone() };
        let whole = Arc::new(OnceLock::<Router>::new());
        let starting = paceline_api::starting_router(Arc::clone(&setup.minter), Arc::clone(&setup.clock));
        let first = paceline_api::operations_router(deps).merge(starting);
        let routers = Arc::clone(&whole);
        let app = Router::new().fallback(move |request: Request| {
            let router = routers.get().unwrap_or(&first).clone();
            router.oneshot(request).map(|answered| answered.unwrap_or_else(|never| match never {}))
        });
        let shut = closed.clone();
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).with_graceful_shutdown(shut.cancelled_owned()).await {
                tracing::error!(%error, "the server ended");
            }
        });
        Ok(Self { address, draining, closed, whole, task })
    }

    /// From now on every request goes to this router, which has the operator's routes too.
    pub(crate) fn serve(&self, router: Router) {
        // Set once per process, by whoever assembles it.
        let _ = self.whole.set(router);
    }

    /// Turns away who comes now, and waits until who is there has been answered.
    pub(crate) async fn close(self) {
        self.draining.cancel();
        self.closed.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the server failed");
        }
    }
}
