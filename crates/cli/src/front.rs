//! The addresses of a process: health, readiness and metrics from the first moment, and the API once there is one.

use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
};

use anyhow::Context as _;
use axum::{Router, extract::Request};
use futures_util::FutureExt as _;
use paceline_api::{OperationsDeps, ReadinessProbe, Server, ServerDeps};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::setup::Setup;

/// Pages that are for operators alone, on a listener of their own when one is configured.
const OPERATORS_PAGES: [&str; 2] = ["/metrics", "/workers/targets"];

/// A listening process.
pub(crate) struct Front {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Where its metrics are.
    pub(crate) metrics_address: SocketAddr,
    /// Cancelled when the process drains: `/readyz` answers 503, and streams end.
    pub(crate) draining: CancellationToken,
    whole: Arc<OnceLock<Router>>,
    servers: Vec<Server>,
}

/// Which pages a listener has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pages {
    All,
    /// All but the operators'.
    Public,
    /// The operators', and health.
    Operators,
}

impl Front {
    /// Listens, with the operator's routes alone.
    pub(crate) async fn open(setup: &Setup, readiness: Arc<dyn ReadinessProbe>) -> anyhow::Result<Self> {
        let draining = CancellationToken::new();
        let metrics = Arc::clone(&setup.metrics);
        let deps = OperationsDeps { metrics, readiness, stop: draining.clone() };
        let first = paceline_api::waiting_router(deps);
        let whole = Arc::new(OnceLock::<Router>::new());
        let listen = async |address: SocketAddr, pages: Pages| {
            let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
            let router = page_filter(pages, Arc::clone(&whole), first.clone());
            let deps = ServerDeps {
                router,
                metrics: Arc::clone(&setup.metrics),
                minter: Arc::clone(&setup.minter),
                clock: Arc::clone(&setup.clock),
                limits: setup.server,
            };
            anyhow::Ok(Server::start(listener, deps)?)
        };
        let mut servers = Vec::new();
        match setup.metrics_listen {
            None => servers.push(listen(setup.listen, Pages::All).await?),
            Some(address) => {
                servers.push(listen(setup.listen, Pages::Public).await?);
                servers.push(listen(address, Pages::Operators).await?);
            }
        }
        let address = servers.first().context("a process listens")?.address();
        let metrics_address = servers.last().map_or(address, Server::address);
        Ok(Self { address, metrics_address, draining, whole, servers })
    }

    /// From now on every request goes to this router, which has the operator's routes too.
    pub(crate) fn serve(&self, router: Router) {
        // Set once per process, by whoever assembles it.
        let _ = self.whole.set(router);
    }

    /// Turns away who comes now, and waits until who is there has been answered, within the limit for that.
    pub(crate) async fn close(self) {
        self.draining.cancel();
        futures_util::future::join_all(self.servers.into_iter().map(Server::close)).await;
    }
}

/// The router of the moment, for the pages that a listener has.
fn page_filter(pages: Pages, whole: Arc<OnceLock<Router>>, first: Router) -> Router {
    let nothing = paceline_api::no_pages();
    Router::new().fallback(move |request: Request| {
        let path = request.uri().path();
        let for_operators = OPERATORS_PAGES.contains(&path);
        let shown = match pages {
            Pages::All => true,
            Pages::Public => !for_operators,
            Pages::Operators => for_operators || matches!(path, "/healthz" | "/readyz"),
        };
        let router = if shown { whole.get().unwrap_or(&first) } else { &nothing }.clone();
        router.oneshot(request).map(|answered| answered.unwrap_or_else(|never| match never {}))
    })
}
