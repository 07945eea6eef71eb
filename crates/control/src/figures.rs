//! The figures: the account that must balance, and what waits in the store, as gauges.

use std::{sync::Arc, time::Duration};

use paceline_domain::Account;
use paceline_store::health::HealthStore;
use tokio_util::sync::CancellationToken;

use crate::{Meters, Role, StepError};

const PERIOD: Duration = Duration::from_secs(2);

/// Exports the store's figures.
pub struct Figures {
    store: Arc<dyn HealthStore>,
    meters: Arc<Meters>,
}

impl Figures {
    /// Figures of this store.
    pub fn new(store: Arc<dyn HealthStore>, meters: Arc<Meters>) -> Self {
        Self { store, meters }
    }

    fn show_account(&self, account: &Account) {
        let buckets = [
            ("planned", account.planned),
            ("sent", account.sent),
            ("failed", account.failed),
            ("unknown", account.unknown),
            ("expired", account.expired),
            ("cancelled", account.cancelled),
            ("waiting", account.waiting),
        ];
        for (bucket, count) in buckets {
            self.meters.messages.with_label_values(&[bucket]).set(count);
        }
        let progress = [
            ("delivered", account.delivered),
            ("read", account.read),
            ("replied", account.replied),
            ("opted_out", account.opted_out),
            ("sending", account.sending),
        ];
        for (fact, count) in progress {
            self.meters.message_facts.with_label_values(&[fact]).set(count);
        }
        self.meters.imbalance.set(account.imbalance());
    }
}

impl Role for Figures {
    fn name(&self) -> &'static str {
        "figures"
    }

    async fn step(&mut self, _stop: &CancellationToken) -> Result<Duration, StepError> {
        let figures = self.store.figures().await?;
        self.show_account(&figures.account);
        let age = figures.outbox_age.map_or(0, |age| i64::try_from(age.as_secs()).unwrap_or(i64::MAX));
        self.meters.outbox_age.set(age);
        self.meters.leases_held.set(figures.leases_held);
        self.meters.deliveries_waiting.set(figures.deliveries_waiting);
        self.meters.dead_letters_waiting.set(figures.dead_letters);
        self.meters.events_unnumbered.set(figures.events_unnumbered);
        Ok(PERIOD)
    }
}
