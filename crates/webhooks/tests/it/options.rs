//! Options that make no sense are refused before anything runs.

use std::{sync::Arc, time::Duration};

use paceline_telemetry::Metrics;
use paceline_webhooks::{WebhookDeps, WebhookOptions, Webhooks};

use crate::{store::MemoryStore, world::*};

fn refusal(change: impl FnOnce(&mut WebhookOptions)) -> String {
    let mut options = WebhookOptions::default();
    change(&mut options);
    let deps = WebhookDeps {
        store: Arc::new(MemoryStore::default()),
        clock: Arc::new(TwoTimes),
        metrics: Arc::new(Metrics::new()),
    };
    Webhooks::new(deps, options).err().map(|error| error.to_string()).unwrap_or_default()
}

#[tokio::test]
async fn senseless_options_are_refused() {
    assert_eq!(refusal(|_| {}), "");
    assert_eq!(refusal(|options| options.hold = options.timeout), "webhooks.hold must be longer than timeout");
    assert!(refusal(|options| options.schedule.clear()).starts_with("webhooks.schedule must begin with 0"));
    assert!(refusal(|options| options.schedule.push(Duration::MAX)).contains("30 days"));
    assert!(refusal(|options| options.per_endpoint = 0).contains("above 0"));
    assert!(refusal(|options| options.timeout = Duration::ZERO).contains("above 0"));
}
