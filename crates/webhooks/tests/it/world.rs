//! A dispatcher with its surroundings.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use chrono::{DateTime, Utc};
use paceline_domain::{Clock, EgressPolicy, EndpointId, EventKind, Minter, SleepFuture};
use paceline_store::deliveries::ClaimedDelivery;
use paceline_telemetry::Metrics;
use paceline_webhooks::{WebhookDeps, WebhookOptions, Webhooks};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::store::MemoryStore;

/// A secret as the API makes them: `whsec_` and the base64 of 24 bytes.
pub(crate) const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// Campaign time stands in the past, as it does in a demo; real time is the machine's.
pub(crate) struct TwoTimes;

impl Clock for TwoTimes {
    fn now(&self) -> DateTime<Utc> {
        happened_at()
    }

    #[expect(clippy::disallowed_methods, reason = "receivers compare the signature's timestamp with the real time")]
    fn real_now(&self) -> DateTime<Utc> {
        SystemTime::now().into()
    }

    fn sleep_until(&self, _at: DateTime<Utc>) -> SleepFuture {
        Box::pin(std::future::pending())
    }
}

pub(crate) fn happened_at() -> DateTime<Utc> {
    "2026-03-01T09:30:00.000250Z".parse().unwrap()
}

pub(crate) struct World {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) options: WebhookOptions,
    minter: Minter,
}

/// A dispatcher that runs. Dropping it ends the task without ceremony.
pub(crate) struct Running {
    pub(crate) stop: CancellationToken,
    pub(crate) task: JoinHandle<()>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            store: Arc::default(),
            metrics: Arc::default(),
            options: WebhookOptions {
                egress: EgressPolicy::Any,
                poll: Duration::from_millis(10),
                ..WebhookOptions::default()
            },
            minter: Minter::new([7; 32]),
        }
    }

    pub(crate) fn endpoint(&self) -> EndpointId {
        self.minter.mint(happened_at())
    }

    pub(crate) fn delivery(&self, endpoint: EndpointId, url: &str) -> ClaimedDelivery {
        ClaimedDelivery {
            id: self.minter.mint(happened_at()),
            token: 42,
            endpoint,
            url: url.to_owned(),
            secret: SECRET.to_owned(),
            event: self.minter.mint(happened_at()),
            kind: EventKind::MessageDelivered,
            at: happened_at(),
            data: serde_json::json!({ "message": "msg_1", "note": "žluťoučký 🐎" }),
            attempts: 0,
        }
    }

    /// Adds a delivery to an endpoint of its own.
    pub(crate) fn add(&self, url: &str) -> ClaimedDelivery {
        let delivery = self.delivery(self.endpoint(), url);
        self.store.add(delivery.clone());
        delivery
    }

    pub(crate) fn run(&self) -> Running {
        let deps = WebhookDeps {
            store: Arc::clone(&self.store) as _,
            clock: Arc::new(TwoTimes),
            metrics: Arc::clone(&self.metrics),
        };
        let webhooks = Webhooks::new(deps, self.options.clone()).unwrap();
        let stop = CancellationToken::new();
        let token = stop.clone();
        Running { stop, task: tokio::spawn(async move { webhooks.run(token).await }) }
    }
}

impl Running {
    /// Stops it in order.
    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(20), &mut self.task).await.expect("it stops in time").unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}
