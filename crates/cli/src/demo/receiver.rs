//! The demo's own webhook receiver: counts what comes and verifies every signature, as a customer's server would.

use std::{
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, http::StatusCode, routing::post};
use standardwebhooks::Webhook;
use tokio_util::sync::CancellationToken;

/// A running receiver.
#[derive(Debug)]
pub(crate) struct Receiver {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    verified: AtomicU64,
    refused: AtomicU64,
    /// Known only after the webhook endpoint was added, which needs the address first.
    secret: OnceLock<String>,
}

impl Receiver {
    /// Listens on a free loopback port until `stop`.
    pub(crate) async fn start(stop: CancellationToken) -> anyhow::Result<Self> {
        let listener = tokio::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let router = Router::new().route("/", post(receive)).with_state(Arc::clone(&shared));
        tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await {
                tracing::warn!(%error, "the demo's webhook receiver ended");
            }
        });
        Ok(Self { address, shared })
    }

    /// Tells the secret that the API answered with.
    pub(crate) fn expect_signatures_of(&self, secret: String) {
        let _ = self.shared.secret.set(secret);
    }

    /// How many webhooks came with a good signature, and how many without.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.shared.verified.load(Ordering::Relaxed), self.shared.refused.load(Ordering::Relaxed))
    }
}

async fn receive(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let webhook = shared.secret.get().and_then(|secret| Webhook::new(secret).ok());
    if webhook.is_some_and(|webhook| webhook.verify(&body, &headers).is_ok()) {
        shared.verified.fetch_add(1, Ordering::Relaxed);
        StatusCode::NO_CONTENT
    } else {
        shared.refused.fetch_add(1, Ordering::Relaxed);
        StatusCode::UNAUTHORIZED
    }
}
