//! Who is in the fleet: the workers that live by the time of their first report, then the silent ones that still lease.
//!
//! The roster is small beside the senders (a row for each process), so it is read whole and paged here, where what lives and
//! what only leases can be one list.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use paceline_domain::WorkerId;
use paceline_store::{
    Page, PageRequest,
    fleet::{WorkerReport, WorkerView},
};

use super::own::OwnSenders;
use crate::{cursor::invalid_cursor, problem::Problem};

/// A worker process.
pub(super) struct Member {
    /// Its id.
    pub(super) id: WorkerId,
    /// As it last reported itself; nothing when it is silent.
    pub(super) view: Option<WorkerView>,
    /// How many senders it leases over the installation.
    pub(super) held: u32,
}

/// Where a member stands in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Living(DateTime<Utc>, WorkerId),
    Silent(WorkerId),
}

/// Everyone in the fleet, in order.
pub(super) fn gather(workers: Vec<WorkerView>, leases: &[(WorkerId, u32)], own: &OwnSenders) -> Vec<Member> {
    let leases: HashMap<WorkerId, u32> = leases.iter().copied().collect();
    let held = |id: WorkerId| {
        let counted = leases.get(&id).copied().unwrap_or(0);
        // They are read one after the other: a lease that was given back in between is shown, so it counts.
        counted.max(own.holding(id).map_or(0, |holding| holding.count))
    };
    let mut silent: BTreeSet<WorkerId> = leases.keys().copied().chain(own.holders()).collect();
    for worker in &workers {
        silent.remove(&worker.report.id);
    }
    let living = workers.into_iter().map(|view| (view.report.id, Some(view)));
    let everyone = living.chain(silent.into_iter().map(|id| (id, None)));
    let mut members: Vec<Member> = everyone.map(|(id, view)| Member { id, held: held(id), view }).collect();
    members.sort_by_key(Member::place);
    members
}

/// The page of the roster that is asked for.
pub(super) fn page(members: Vec<Member>, request: &PageRequest) -> Result<Page<Member>, Problem> {
    let after = match &request.after {
        None => None,
        Some(text) => Some(Place::parse(text).ok_or_else(invalid_cursor)?),
    };
    let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
    let mut items: Vec<Member> =
        members.into_iter().filter(|member| after.is_none_or(|after| member.place() > after)).collect();
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|last| last.place().to_text());
    Ok(Page { items, next })
}

impl Member {
    /// Its report, while it lives.
    pub(super) fn report(&self) -> Option<&WorkerReport> {
        self.view.as_ref().map(|view| &view.report)
    }

    fn place(&self) -> Place {
        self.view.as_ref().map_or(Place::Silent(self.id), |view| Place::Living(view.started_at, self.id))
    }
}

impl Place {
    fn to_text(self) -> String {
        match self {
            Self::Living(started_at, id) => format!("{}|{id}", started_at.timestamp_micros()),
            Self::Silent(id) => format!("|{id}"),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (started_at, id) = text.split_once('|')?;
        let id = id.parse().ok()?;
        if started_at.is_empty() {
            return Some(Self::Silent(id));
        }
        Some(Self::Living(DateTime::from_timestamp_micros(started_at.parse().ok()?)?, id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_survives_its_cursor_and_the_silent_stand_last() {
        let id = |byte| WorkerId::from_bytes([byte; 16]);
        let started_at = DateTime::from_timestamp_micros(1_772_452_800_123_456).unwrap();
        let places = [Place::Living(started_at, id(9)), Place::Silent(id(1)), Place::Silent(id(2))];
        assert!(places.is_sorted());
        for place in places {
            assert_eq!(Place::parse(&place.to_text()), Some(place));
        }
        for text in ["", "|", "|snd_1", "x|", "12"] {
            assert_eq!(Place::parse(text), None, "{text:?}");
        }
    }
}
