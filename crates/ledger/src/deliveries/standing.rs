//! How an endpoint answers: since when nothing reaches it, and when that is enough.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use paceline_domain::{DisableReason, EndpointId};
use paceline_store::deliveries::{DeliveryOutcome, NextTry};

use super::report;
use crate::{
    Fallible,
    rows::{StandingRow, StandingWrite},
    transaction::Tx,
};

/// What an endpoint was last heard to say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct LastWord {
    /// The status of its answer, when there was one.
    pub(super) status: Option<u16>,
    /// What was wrong with it.
    pub(super) error: String,
}

/// What the tries of one batch showed of an endpoint, from the best to what weighs most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// A try failed, and is made again.
    Failed,
    /// A try failed, and was the last of its delivery.
    GaveUp(LastWord),
    /// A try succeeded.
    Succeeded,
    /// It says that it is gone.
    Gone(LastWord),
}

impl Seen {
    /// What one try showed.
    pub(super) fn of(outcome: &DeliveryOutcome) -> Self {
        let word = |error: &String| LastWord { status: outcome.status, error: error.clone() };
        match &outcome.next {
            NextTry::Delivered => Self::Succeeded,
            NextTry::Retry { .. } => Self::Failed,
            NextTry::Exhausted { error } => Self::GaveUp(word(error)),
            NextTry::Gone { error } => Self::Gone(word(error)),
        }
    }

    /// What this and another try show together.
    pub(super) fn join(&mut self, other: &Self) {
        if other.weight() > self.weight() {
            *self = other.clone();
        }
    }

    const fn weight(&self) -> u8 {
        match self {
            Self::Failed => 0,
            Self::GaveUp(_) => 1,
            Self::Succeeded => 2,
            Self::Gone(_) => 3,
        }
    }

    /// What is to be noted; `None`: nothing that is not known.
    fn after(&self, standing: &StandingRow) -> Option<StandingWrite> {
        if standing.is_disabled {
            return None;
        }
        match self {
            Self::Gone(_) => Some(StandingWrite::Disabled(DisableReason::Gone)),
            Self::GaveUp(_) if standing.is_out_of_patience => Some(StandingWrite::Disabled(DisableReason::Failing)),
            Self::Failed | Self::GaveUp(_) => (!standing.is_failing).then_some(StandingWrite::Failing),
            Self::Succeeded => standing.is_failing.then_some(StandingWrite::Well),
        }
    }
}

/// Notes what was seen of endpoints. Those of which nothing new is to be noted are not locked: mostly, that is all of them.
pub(super) async fn note(
    tx: &mut Tx<'_>,
    seen: &BTreeMap<EndpointId, Seen>,
    patience: Duration,
    now: DateTime<Utc>,
) -> Fallible<Vec<(EndpointId, DisableReason)>> {
    let change = |standing: &StandingRow| Some((seen.get(&standing.id)?, seen.get(&standing.id)?.after(standing)?));
    let endpoints: Vec<EndpointId> = seen.keys().copied().collect();
    let standings = tx.rows.list_standings(&endpoints, patience).await?;
    let changing: Vec<EndpointId> = standings.iter().filter(|it| change(it).is_some()).map(|it| it.id).collect();
    let mut disabled = Vec::new();
    if changing.is_empty() {
        return Ok(disabled);
    }
    for standing in &tx.rows.lock_standings(&changing, patience).await? {
        let Some((seen, write)) = change(standing) else { continue };
        tx.rows.set_standing(standing, write).await?;
        if let (StandingWrite::Disabled(reason), Seen::Gone(word) | Seen::GaveUp(word)) = (write, seen) {
            tx.events.add(report::disabled((standing.workspace, standing.id), reason, word, now));
            disabled.push((standing.id, reason));
        }
    }
    Ok(disabled)
}
