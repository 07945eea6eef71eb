//! Sessions: opening, ending, and handing events out.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

use chrono::{DateTime, TimeDelta, Utc};
use paceline_channel::{ChannelEvent, Credentials, EventBody, OpenError};
use paceline_domain::SenderId;
use tokio::sync::Notify;

use super::{Network, NetworkEvent, SessionId, SessionRow};

/// What a session hands out next.
pub(crate) enum Next {
    /// Something that is said once.
    Saying(DateTime<Utc>, EventBody),
    /// Something that is repeated until it is acknowledged.
    Event(NetworkEvent),
    /// The session is over and nothing is left.
    Over,
    /// Nothing at the moment.
    Nothing(Arc<Notify>),
}

impl Network {
    /// Opens a session, and takes the number over from the one before.
    pub(crate) fn open(
        &mut self,
        (sender, node): (SenderId, usize),
        credentials: Option<&Credentials>,
        now: DateTime<Utc>,
    ) -> Result<SessionId, OpenError> {
        let id = self.name();
        let number = self.numbers.entry(sender).or_default();
        if number.banned {
            return Err(OpenError::Banned);
        }
        if let Some(until) = number.barred_until.filter(|until| *until > now) {
            return Err(OpenError::Suspended { until });
        }
        let mut sayings = VecDeque::new();
        match credentials {
            Some(Credentials(bytes)) if bytes.as_slice() != number.credentials.to_be_bytes() => {
                return Err(OpenError::LoggedOut);
            }
            Some(_) => {}
            None => {
                number.credentials += 1;
                sayings.push_back((now, EventBody::PairingCode(format!("code {id}"))));
                let credentials = Credentials(number.credentials.to_be_bytes().to_vec());
                sayings.push_back((now, EventBody::Paired(credentials)));
            }
        }
        // Whoever is replaced is told so before the successor is up.
        sayings.push_back((now + TimeDelta::milliseconds(1), EventBody::Connected));
        if let Some(former) = number.session.replace(id) {
            self.end(former, Some((now, EventBody::Replaced)));
        }
        let (handed, changed) = (BTreeSet::new(), Arc::new(Notify::new()));
        self.sessions.insert(id, SessionRow { sender, node, over: false, sayings, handed, changed });
        Ok(id)
    }

    /// Ends a session, with a last word or without.
    pub(crate) fn end(&mut self, id: SessionId, last_word: Option<(DateTime<Utc>, EventBody)>) {
        let Some(session) = self.sessions.get_mut(&id).filter(|session| !session.over) else { return };
        session.over = true;
        session.sayings.extend(last_word);
        session.changed.notify_waiters();
        if let Some(number) = self.numbers.get_mut(&session.sender).filter(|number| number.session == Some(id)) {
            number.session = None;
        }
    }

    /// Ends the session of a number that is up.
    pub(crate) fn end_of(&mut self, sender: SenderId, now: DateTime<Utc>, last_word: EventBody) {
        if let Some(id) = self.numbers.get(&sender).and_then(|number| number.session) {
            self.end(id, Some((now, last_word)));
        }
    }

    /// The sessions of a node that are up.
    pub(crate) fn sessions_of(&self, node: usize) -> Vec<SessionId> {
        let theirs = self.sessions.iter().filter(|(_, session)| session.node == node && !session.over);
        theirs.map(|(id, _)| *id).collect()
    }

    pub(crate) fn is_over(&self, id: SessionId) -> bool {
        self.sessions.get(&id).is_none_or(|session| session.over)
    }

    /// Something happened to a number; whoever listens is told.
    pub(crate) fn happen(&mut self, sender: SenderId, at: DateTime<Utc>, body: EventBody) {
        let id = self.name();
        let number = self.numbers.entry(sender).or_default();
        number.events.push(NetworkEvent { id, at, body, acknowledged: false });
        if let Some(session) = number.session.and_then(|id| self.sessions.get(&id)) {
            session.changed.notify_waiters();
        }
    }

    /// What a session hands out next.
    pub(crate) fn next(&mut self, id: SessionId) -> Next {
        let Some(session) = self.sessions.get_mut(&id) else { return Next::Over };
        if let Some((at, saying)) = session.sayings.pop_front() {
            return Next::Saying(at, saying);
        }
        if session.over {
            return Next::Over;
        }
        let events = self.numbers.get(&session.sender).map_or(&[][..], |number| number.events.as_slice());
        let next = events.iter().find(|event| !event.acknowledged && !session.handed.contains(&event.id));
        match next {
            Some(event) => {
                session.handed.insert(event.id);
                Next::Event(event.clone())
            }
            None => Next::Nothing(Arc::clone(&session.changed)),
        }
    }

    /// An event is safe, as whoever listens says.
    pub(crate) fn acknowledge(&mut self, sender: SenderId, event: u64) {
        let events = self.numbers.get_mut(&sender).map(|number| &mut number.events);
        if let Some(event) = events.into_iter().flatten().find(|other| other.id == event) {
            event.acknowledged = true;
        }
    }
}

/// An event without an acknowledgement.
pub(crate) fn saying(at: DateTime<Utc>, body: EventBody) -> ChannelEvent {
    ChannelEvent::new(at, body, None)
}
