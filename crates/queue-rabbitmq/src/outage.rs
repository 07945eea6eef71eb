//! What the log says about the broker: one line when it goes away, one a minute while it stays away, one when it is back,
//! whatever number of connections notices.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::fault::Fault;

const BETWEEN_LINES: Duration = Duration::from_mins(1);

/// The outage of all connections together.
#[derive(Debug)]
pub(crate) struct Outage {
    /// The broker's URL without its password.
    broker: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    away: BTreeSet<u32>,
    said: Option<Said>,
    tries: u32,
}

#[derive(Debug)]
struct Said {
    since: Instant,
    at: Instant,
    reason: String,
}

impl Outage {
    pub(crate) fn new(broker: String) -> Self {
        Self { broker, state: Mutex::default() }
    }

    /// A connection was lost, or could not be made.
    pub(crate) fn lost(&self, connection: u32, fault: &Fault) {
        let now = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.away.insert(connection);
        state.tries = state.tries.saturating_add(1);
        let (broker, reason, tries) = (&self.broker, fault.reason(), state.tries);
        let Some(said) = &mut state.said else {
            state.said = Some(Said { since: now, at: now, reason: reason.to_owned() });
            tracing::warn!(broker, reason, cure = fault.cure(), "the broker is away; trying again until it is back");
            return;
        };
        let refused_anew = fault.is_refusal() && said.reason != reason;
        if refused_anew || now.duration_since(said.at) >= BETWEEN_LINES {
            let away_s = now.duration_since(said.since).as_secs();
            tracing::warn!(broker, reason, cure = fault.cure(), away_s, tries, "the broker is still away");
            said.at = now;
            reason.clone_into(&mut said.reason);
        }
    }

    /// A connection is up.
    pub(crate) fn connected(&self, connection: u32) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.away.remove(&connection);
        if !state.away.is_empty() {
            return;
        }
        let broker = &self.broker;
        if let Some(said) = state.said.take() {
            tracing::info!(broker, away_s = said.since.elapsed().as_secs(), "the broker is back");
        } else if connection == 1 {
            tracing::info!(broker, "connected to the broker");
        }
        state.tries = 0;
    }
}
