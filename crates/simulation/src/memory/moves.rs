//! The one place where a message's state changes: by the domain's table, with account and event.

use chrono::{DateTime, Utc};
use paceline_domain::{MessageId, MessageMove, MessageState};
use paceline_store::results::event_of;

use super::Memory;

/// What happens to a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Happening {
    pub(crate) happened: MessageMove,
    pub(crate) at: DateTime<Utc>,
    pub(crate) reason: Option<&'static str>,
    pub(crate) not_before: Option<DateTime<Utc>>,
}

impl Happening {
    pub(crate) const fn new(happened: MessageMove, at: DateTime<Utc>) -> Self {
        Self { happened, at, reason: None, not_before: None }
    }

    pub(crate) const fn because(self, reason: &'static str) -> Self {
        Self { reason: Some(reason), ..self }
    }
}

impl Memory {
    /// Moves a message. `false`: the move does not apply, nothing changed.
    pub(crate) fn move_message(&mut self, id: MessageId, happening: Happening) -> bool {
        let Some(message) = self.messages.get_mut(&id) else { return false };
        let from = message.state;
        let Some(to) = from.after(happening.happened) else { return false };
        message.state = to;
        message.reason = happening.reason;
        if to == MessageState::Waiting {
            message.not_before = happening.not_before;
            message.waits_for = Some("unsent");
        }
        if from == MessageState::Waiting && to != MessageState::Sending || to == MessageState::Waiting {
            message.unclaim();
        }
        message.release_deadline = None;
        message.prove(to, happening.at);
        let campaign = message.campaign;
        let account = self.account_of(campaign);
        account.add(from, -1);
        account.add(to, 1);
        self.moved.push((id, from, to));
        if let Some(kind) = event_of(to) {
            self.add_event(kind, happening.at);
        }
        true
    }
}

impl super::MessageRow {
    /// A receipt proves what came before it, even when that was never reported.
    fn prove(&mut self, to: MessageState, at: DateTime<Utc>) {
        if matches!(to, MessageState::Sent | MessageState::Delivered | MessageState::Read) {
            self.sent_at.get_or_insert(at);
        }
        if matches!(to, MessageState::Delivered | MessageState::Read) {
            self.delivered_at.get_or_insert(at);
        }
        if to == MessageState::Read {
            self.read_at.get_or_insert(at);
        }
    }
}
