//! A customer's server for webhooks: verifies each with an independent library, and can be out of order.

use std::sync::{
    Arc, Mutex, OnceLock, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, http::StatusCode, routing::post};
use paceline_e2e::ScenarioResult;
use serde_json::Value;
use standardwebhooks::Webhook;

/// A webhook that verified.
#[derive(Debug, Clone)]
pub(crate) struct Delivered {
    pub(crate) id: String,
    pub(crate) body: Value,
}

/// A running receiver, until the test ends.
#[derive(Debug)]
pub(crate) struct Receiver {
    pub(crate) url: String,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    secret: OnceLock<String>,
    down: AtomicBool,
    turned_away: AtomicU64,
    unverified: AtomicU64,
    delivered: Mutex<Vec<Delivered>>,
}

impl Receiver {
    pub(crate) async fn start() -> ScenarioResult<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/hooks", listener.local_addr()?);
        let shared = Arc::new(Shared::default());
        let router = Router::new().route("/hooks", post(receive)).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, shared })
    }

    /// The secret that the API showed.
    pub(crate) fn expect(&self, endpoint: &Value) {
        let secret = endpoint["secret"].as_str().unwrap_or_default().to_owned();
        self.shared.secret.set(secret).expect("one endpoint a receiver");
    }

    /// From now on answers 503, or takes what comes.
    pub(crate) fn set_down(&self, down: bool) {
        self.shared.down.store(down, Ordering::SeqCst);
    }

    /// How many came while it was down.
    pub(crate) fn turned_away(&self) -> u64 {
        self.shared.turned_away.load(Ordering::SeqCst)
    }

    /// How many came with a signature that does not verify.
    pub(crate) fn unverified(&self) -> u64 {
        self.shared.unverified.load(Ordering::SeqCst)
    }

    /// What was taken, in order of arrival.
    pub(crate) fn delivered(&self) -> Vec<Delivered> {
        self.shared.delivered.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn receive(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let webhook = shared.secret.get().and_then(|secret| Webhook::new(secret).ok());
    if webhook.is_none_or(|webhook| webhook.verify(&body, &headers).is_err()) {
        shared.unverified.fetch_add(1, Ordering::SeqCst);
        return StatusCode::UNAUTHORIZED;
    }
    if shared.down.load(Ordering::SeqCst) {
        shared.turned_away.fetch_add(1, Ordering::SeqCst);
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let id = headers.get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
    let body = serde_json::from_slice(&body).unwrap_or_default();
    shared.delivered.lock().unwrap_or_else(PoisonError::into_inner).push(Delivered { id, body });
    StatusCode::NO_CONTENT
}
