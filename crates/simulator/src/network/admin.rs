//! What the network shows to whoever runs it.

use std::io;

use chrono::{DateTime, Utc};
use paceline_domain::{PhoneNumber, Repeats, SessionState};
use serde::{Deserialize, Serialize};

use super::{Network, Sender};
use crate::{InboxItem, JournalSummary, PersonView, journal::message_key, journal::read_inbox};

/// An admin call that cannot be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AdminError {
    /// The number never connected.
    #[error("no such sender")]
    UnknownSender,
    /// The number is not being paired.
    #[error("the sender is not being paired")]
    NotPairing,
    /// Another code is shown by now, or it never was this one.
    #[error("the code is not the one shown now")]
    CodeExpired,
    /// The simulator cannot write its files.
    #[error("the simulator cannot write its files")]
    Broken,
}

/// Where a sender stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SenderView {
    /// The number.
    pub phone: PhoneNumber,
    /// Where its session stands.
    pub state: SessionState,
    /// Until when the number is suspended, in campaign time.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<DateTime<Utc>>,
    /// What happens to a second send of the same id.
    pub repeats: Repeats,
    /// How many sends reached the network since it started, refused ones included.
    pub sends: u64,
    /// How often the typing indicator was changed since it started.
    pub typing: u64,
    /// How many events wait for an acknowledgement.
    pub unacknowledged: usize,
}

impl Network {
    pub(crate) fn list_senders(&self) -> Vec<SenderView> {
        let now = self.clock.now();
        let state = self.lock();
        state.senders.list.iter().map(|sender| sender.view(now, state.repeats)).collect()
    }

    pub(crate) fn summary(&self) -> JournalSummary {
        self.lock().tally.summary()
    }

    pub(crate) fn describe(&self, person: &PhoneNumber) -> PersonView {
        self.people.describe(person.as_e164())
    }

    /// What a person saw, with the texts that are still remembered. Reads the whole journal: for tests, not for use
    /// under load. Blocks.
    pub(crate) fn list_inbox(&self, person: &PhoneNumber) -> io::Result<Vec<InboxItem>> {
        let end = self.journal.durable_end().map_err(io::Error::other)?;
        let mut items = read_inbox(self.journal.path(), end, person.as_e164())?;
        let state = self.lock();
        for item in &mut items {
            item.text = state.texts.find(message_key(person.as_e164(), &item.id)).map(str::to_owned);
        }
        Ok(items)
    }
}

impl Sender {
    fn view(&self, now: DateTime<Utc>, at_large: Repeats) -> SenderView {
        let bar = self.bar(now);
        let state = match bar {
            Some(bar) if bar.until.is_some() => SessionState::Suspended,
            Some(_) => SessionState::Banned,
            None if self.link.is_some() => SessionState::Connected,
            None if self.pairing.is_some() => SessionState::Pairing,
            None if self.registration.credentials.is_some() => SessionState::Disconnected,
            None if self.registration.pairings > 0 => SessionState::LoggedOut,
            None => SessionState::Unpaired,
        };
        SenderView {
            phone: self.registration.phone.clone(),
            state,
            until: bar.and_then(|bar| bar.until),
            repeats: self.repeats.unwrap_or(at_large),
            sends: self.sends,
            typing: self.typing,
            unacknowledged: self.outbox.unacknowledged(),
        }
    }
}
