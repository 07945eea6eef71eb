//! What `/readyz` asks: the services of this process, once it has found them.

use std::{
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use paceline_api::{ProbeResult, ReadinessProbe};
use paceline_queue_rabbitmq::RabbitQueue;
use paceline_store::health::HealthStore;

/// How long the database may take to answer. Less than a probe of the process may take, so that the answer names what is away.
const DATABASE_WITHIN: Duration = Duration::from_secs(3);

/// The services, as far as they are known.
#[derive(Default)]
pub(crate) struct Readiness {
    /// Why the database is not open yet.
    waiting: Mutex<Option<String>>,
    store: OnceLock<Arc<dyn HealthStore>>,
    /// Embedded queues live in this process and need no question.
    broker: OnceLock<Arc<RabbitQueue>>,
}

impl Readiness {
    /// The database cannot be opened yet.
    pub(crate) fn wait_for_database(&self, reason: String) {
        if let Ok(mut waiting) = self.waiting.lock() {
            *waiting = Some(reason);
        }
    }

    /// The database is open.
    pub(crate) fn watch_store(&self, store: Arc<dyn HealthStore>) {
        let _ = self.store.set(store);
    }

    /// There is a broker.
    pub(crate) fn watch_broker(&self, broker: Arc<RabbitQueue>) {
        let _ = self.broker.set(broker);
    }

    async fn probe_database(&self) -> ProbeResult {
        let Some(store) = self.store.get() else {
            let waiting = self.waiting.lock().ok().and_then(|waiting| waiting.clone());
            return ProbeResult::failed("database", waiting.unwrap_or_else(|| "it is not open yet".to_owned()));
        };
        match tokio::time::timeout(DATABASE_WITHIN, store.ping()).await {
            Ok(Ok(())) => ProbeResult::ok("database"),
            Ok(Err(error)) => ProbeResult::failed("database", error.to_string()),
            Err(_) => {
                let seconds = DATABASE_WITHIN.as_secs();
                ProbeResult::failed("database", format!("it has not answered within {seconds} seconds"))
            }
        }
    }
}

#[async_trait]
impl ReadinessProbe for Readiness {
    async fn probes(&self) -> Vec<ProbeResult> {
        let mut probes = vec![self.probe_database().await];
        if let Some(broker) = self.broker.get() {
            let status = broker.status();
            let outcome = if status.is_connected() { Ok(()) } else { Err(status.to_string()) };
            probes.push(ProbeResult { name: "broker".to_owned(), outcome });
        }
        probes
    }
}
