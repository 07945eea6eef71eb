//! WhatsApp in memory: sessions, people, and a journal of what reached whom.

mod people;
mod sessions;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use paceline_channel::EventBody;
use paceline_domain::{Repeats, SenderId, WaId};
use tokio::sync::Notify;

pub(crate) use people::Reached;
pub(crate) use sessions::{Next, saying};

/// Names a session for life.
pub(crate) type SessionId = u64;

/// The whole network.
pub(crate) struct Network {
    pub(crate) repeats: Repeats,
    /// Whether acceptances carry an id of the network's own.
    pub(crate) names_sends: bool,
    pub(crate) numbers: BTreeMap<SenderId, Number>,
    pub(crate) sessions: BTreeMap<SessionId, SessionRow>,
    /// What was accepted: by sender, person and id, with how often.
    pub(crate) accepted: BTreeMap<(SenderId, String, WaId), u32>,
    /// What each person saw: by person and text, the ids and how often each.
    pub(crate) seen: BTreeMap<(String, String), BTreeMap<WaId, u32>>,
    /// How often bytes of a message arrived.
    pub(crate) arrivals: u64,
    names: u64,
}

/// One of our numbers, as the network knows it.
#[derive(Default)]
pub(crate) struct Number {
    /// The session that is up, if any.
    pub(crate) session: Option<SessionId>,
    /// Which credentials are good.
    pub(crate) credentials: u32,
    pub(crate) barred_until: Option<DateTime<Utc>>,
    pub(crate) banned: bool,
    /// What happened and was not acknowledged, and what was.
    pub(crate) events: Vec<NetworkEvent>,
}

/// Something that happened to a number and is repeated until it is acknowledged.
#[derive(Clone)]
pub(crate) struct NetworkEvent {
    pub(crate) id: u64,
    pub(crate) at: DateTime<Utc>,
    pub(crate) body: EventBody,
    pub(crate) acknowledged: bool,
}

/// A session that was opened once.
pub(crate) struct SessionRow {
    pub(crate) sender: SenderId,
    /// The node that opened it.
    pub(crate) node: usize,
    pub(crate) over: bool,
    /// What is said once on this session.
    pub(crate) sayings: VecDeque<(DateTime<Utc>, EventBody)>,
    /// The events that were handed out on it.
    pub(crate) handed: BTreeSet<u64>,
    pub(crate) changed: Arc<Notify>,
}

impl Network {
    pub(crate) fn new(repeats: Repeats, names_sends: bool) -> Self {
        Self {
            repeats,
            names_sends,
            numbers: BTreeMap::new(),
            sessions: BTreeMap::new(),
            accepted: BTreeMap::new(),
            seen: BTreeMap::new(),
            arrivals: 0,
            names: 0,
        }
    }

    pub(crate) const fn name(&mut self) -> u64 {
        self.names += 1;
        self.names
    }
}
