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

/// A line that is due.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    Away,
    StillAway { away: Duration, tries: u32 },
    Back { away: Duration },
    Connected,
}

impl Outage {
    pub(crate) fn new(broker: String) -> Self {
        Self { broker, state: Mutex::default() }
    }

    /// A connection was lost, or could not be made.
    pub(crate) fn lost(&self, connection: u32, fault: &Fault) {
        let line = self.state.lock().unwrap_or_else(PoisonError::into_inner).lost(connection, fault, Instant::now());
        let (broker, reason, cure) = (&self.broker, fault.reason(), fault.cure());
        match line {
            Some(Line::StillAway { away, tries }) => {
                tracing::warn!(broker, reason, cure, away_s = away.as_secs(), tries, "the broker is still away");
            }
            Some(_) => tracing::warn!(broker, reason, cure, "the broker is away; trying again until it is back"),
            None => {}
        }
    }

    /// A connection is up.
    pub(crate) fn connected(&self, connection: u32) {
        let line = self.state.lock().unwrap_or_else(PoisonError::into_inner).connected(connection, Instant::now());
        let broker = &self.broker;
        match line {
            Some(Line::Back { away }) => tracing::info!(broker, away_s = away.as_secs(), "the broker is back"),
            Some(_) => tracing::info!(broker, "connected to the broker"),
            None => {}
        }
    }
}

impl State {
    fn lost(&mut self, connection: u32, fault: &Fault, now: Instant) -> Option<Line> {
        self.away.insert(connection);
        self.tries = self.tries.saturating_add(1);
        let reason = fault.reason();
        let Some(said) = &mut self.said else {
            self.said = Some(Said { since: now, at: now, reason: reason.to_owned() });
            return Some(Line::Away);
        };
        let refused_anew = fault.is_refusal() && said.reason != reason;
        if !refused_anew && now.duration_since(said.at) < BETWEEN_LINES {
            return None;
        }
        said.at = now;
        reason.clone_into(&mut said.reason);
        Some(Line::StillAway { away: now.duration_since(said.since), tries: self.tries })
    }

    fn connected(&mut self, connection: u32, now: Instant) -> Option<Line> {
        self.away.remove(&connection);
        if !self.away.is_empty() {
            return None;
        }
        self.tries = 0;
        match self.said.take() {
            Some(said) => Some(Line::Back { away: now.duration_since(said.since) }),
            None => (connection == 1).then_some(Line::Connected),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_of_two_connections_has_one_line_then_one_a_minute_and_one_at_its_end() {
        let (mut state, begin, fault) = (State::default(), Instant::now(), Fault::away("refused"));
        let at = |seconds| begin + Duration::from_secs(seconds);
        assert_eq!(state.connected(1, begin), Some(Line::Connected));
        assert_eq!(state.connected(2, begin), None);
        assert_eq!(state.lost(1, &fault, at(0)), Some(Line::Away));
        let said: Vec<_> =
            (1..150_u32).filter_map(|second| state.lost(second % 2 + 1, &fault, at(second.into()))).collect();
        let still = |seconds, tries| Line::StillAway { away: Duration::from_secs(seconds), tries };
        assert_eq!(said, [still(60, 61), still(120, 121)]);
        assert_eq!(state.connected(1, at(200)), None, "the other connection is away");
        assert_eq!(state.connected(2, at(201)), Some(Line::Back { away: Duration::from_secs(201) }));
    }

    #[test]
    fn a_refusal_that_was_not_said_yet_is_said_at_once_and_once() {
        let (mut state, begin) = (State::default(), Instant::now());
        state.lost(1, &Fault::away("connection refused"), begin);
        let refusal = Fault::refused("wrong password", "correct it");
        assert!(matches!(state.lost(1, &refusal, begin), Some(Line::StillAway { .. })));
        assert_eq!(state.lost(1, &refusal, begin), None);
    }
}
