//! What does not work at the moment, so that the log says once that it began and once that it is over, however many roles
//! run into it and however often.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use paceline_queue::QueueError;
use paceline_store::StoreError;
use paceline_telemetry::IntGaugeVec;
use tokio::time::Instant;

use crate::{Meters, StepError};

/// What the roles of one control plane are held up by.
#[derive(Debug)]
pub struct Outages {
    held_up: Mutex<BTreeMap<&'static str, (Trouble, Instant)>>,
    down: IntGaugeVec,
}

/// What holds a role up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// The service is away and will come back.
    Away(Service),
    /// It answers, and refuses.
    Refusal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Service {
    Database,
    Broker,
}

impl Service {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Broker => "broker",
        }
    }
}

impl Outages {
    /// Nothing is known to be away.
    pub fn new(meters: &Meters) -> Self {
        let down = meters.service_down.clone();
        for service in [Service::Database, Service::Broker] {
            down.with_label_values(&[service.as_str()]).set(0);
        }
        Self { held_up: Mutex::default(), down }
    }

    /// A role's step failed. Logs unless this is known already.
    pub fn begin(&self, role: &'static str, error: &StepError) {
        let Some(trouble) = trouble(error) else { return };
        let mut held_up = self.held_up.lock().unwrap_or_else(PoisonError::into_inner);
        let before = held_up.remove(role);
        let known = match trouble {
            Trouble::Away(_) => {
                let others = held_up.values().chain(&before).filter(|(other, _)| *other == trouble);
                others.map(|(_, since)| *since).min()
            }
            Trouble::Refusal => before.filter(|(old, _)| *old == trouble).map(|(_, since)| since),
        };
        held_up.insert(role, (trouble, known.unwrap_or_else(Instant::now)));
        if let Some((old @ Trouble::Away(service), since)) = before
            && old != trouble
            && !held_up.values().any(|(other, _)| *other == old)
        {
            self.report_back(service, since);
        }
        if known.is_some() {
            return;
        }
        match trouble {
            Trouble::Away(service) => {
                self.down.with_label_values(&[service.as_str()]).set(1);
                tracing::warn!(
                    service = service.as_str(),
                    role,
                    error = %error,
                    "a service is away; waiting for it, nothing is lost"
                );
            }
            Trouble::Refusal => {
                tracing::error!(role, error = %error, cause = cause(error), "a step is refused; trying again");
            }
        }
    }

    /// A role's step worked. Logs when that ends an outage.
    pub fn end(&self, role: &'static str) {
        let mut held_up = self.held_up.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((trouble, since)) = held_up.remove(role) else { return };
        match trouble {
            Trouble::Away(service) => {
                if !held_up.values().any(|(other, _)| *other == trouble) {
                    self.report_back(service, since);
                }
            }
            Trouble::Refusal => tracing::info!(role, "the step works again"),
        }
    }

    /// A role stops, whatever it waited for: it does not know whether that is back.
    pub fn leave(&self, role: &'static str) {
        self.held_up.lock().unwrap_or_else(PoisonError::into_inner).remove(role);
    }

    fn report_back(&self, service: Service, since: Instant) {
        self.down.with_label_values(&[service.as_str()]).set(0);
        let away = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(service = service.as_str(), duration_ms = away, "the service is back");
    }
}

/// `None` for what is no trouble: somebody else got there first.
const fn trouble(error: &StepError) -> Option<Trouble> {
    match error {
        StepError::Store(StoreError::Unavailable { .. }) => Some(Trouble::Away(Service::Database)),
        StepError::Queue(QueueError::Unavailable { .. }) => Some(Trouble::Away(Service::Broker)),
        StepError::Store(StoreError::Conflict { .. }) => None,
        StepError::Store(StoreError::Corrupt { .. } | StoreError::Refused { .. })
        | StepError::Queue(QueueError::Refused { .. }) => Some(Trouble::Refusal),
    }
}

/// What the driver said, for an operator. Drivers name tables and constraints, and never a bound value.
fn cause(error: &StepError) -> String {
    std::error::Error::source(error).map_or_else(String::new, ToString::to_string)
}
