//! A customer's server for webhooks: verifies each with an independent library, and can be out of order.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU16, AtomicU64, Ordering},
    },
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, http::StatusCode, routing::post};
use serde_json::Value;
use standardwebhooks::Webhook;

use crate::ScenarioResult;

/// A webhook that verified.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// The event's id.
    pub id: String,
    /// What it says.
    pub body: Value,
}

/// What a receiver keeps of a webhook that verified.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Keeps {
    /// All of it, in order of arrival.
    #[default]
    Everything,
    /// How often each event came: an hour brings hundreds of thousands.
    Ids,
}

/// A running receiver, until the test ends.
#[derive(Debug)]
pub struct Receiver {
    /// Where it listens.
    pub url: String,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    secret: OnceLock<String>,
    /// What it answers instead of taking what comes; 0: nothing.
    refusal: AtomicU16,
    turned_away: AtomicU64,
    unverified: AtomicU64,
    keeps: Keeps,
    delivered: Mutex<Vec<Delivered>>,
    arrived: Mutex<HashMap<String, u32>>,
}

impl Receiver {
    /// A receiver that keeps what comes.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start() -> ScenarioResult<Self> {
        Self::keeping(Keeps::Everything).await
    }

    /// A receiver that only counts how often each event came.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn counting() -> ScenarioResult<Self> {
        Self::keeping(Keeps::Ids).await
    }

    async fn keeping(keeps: Keeps) -> ScenarioResult<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/hooks", listener.local_addr()?);
        let shared = Arc::new(Shared { keeps, ..Shared::default() });
        let router = Router::new().route("/hooks", post(receive)).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, shared })
    }

    /// The secret that the API showed, of the one endpoint that posts here.
    ///
    /// # Panics
    /// It was told before.
    pub fn expect(&self, endpoint: &Value) {
        let secret = endpoint["secret"].as_str().unwrap_or_default().to_owned();
        self.shared.secret.set(secret).expect("one endpoint a receiver");
    }

    /// From now on answers 503, or takes what comes.
    pub fn set_down(&self, down: bool) {
        self.shared.refusal.store(if down { 503 } else { 0 }, Ordering::SeqCst);
    }

    /// From now on answers with this status.
    pub fn refuse_with(&self, status: StatusCode) {
        self.shared.refusal.store(status.as_u16(), Ordering::SeqCst);
    }

    /// How many came while it took nothing.
    pub fn turned_away(&self) -> u64 {
        self.shared.turned_away.load(Ordering::SeqCst)
    }

    /// How many came with a signature that does not verify.
    pub fn unverified(&self) -> u64 {
        self.shared.unverified.load(Ordering::SeqCst)
    }

    /// How often each event was taken.
    pub fn arrived(&self) -> HashMap<String, u32> {
        self.shared.arrived.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What was taken, in order of arrival; nothing where it only counts.
    pub fn delivered(&self) -> Vec<Delivered> {
        self.shared.delivered.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn receive(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let webhook = shared.secret.get().and_then(|secret| Webhook::new(secret).ok());
    if webhook.is_none_or(|webhook| webhook.verify(&body, &headers).is_err()) {
        shared.unverified.fetch_add(1, Ordering::SeqCst);
        return StatusCode::UNAUTHORIZED;
    }
    if let Ok(refusal) = StatusCode::from_u16(shared.refusal.load(Ordering::SeqCst)) {
        shared.turned_away.fetch_add(1, Ordering::SeqCst);
        return refusal;
    }
    let id = headers.get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
    *shared.arrived.lock().unwrap_or_else(PoisonError::into_inner).entry(id.clone()).or_default() += 1;
    if shared.keeps == Keeps::Ids {
        return StatusCode::NO_CONTENT;
    }
    let body = serde_json::from_slice(&body).unwrap_or_default();
    shared.delivered.lock().unwrap_or_else(PoisonError::into_inner).push(Delivered { id, body });
    StatusCode::NO_CONTENT
}
