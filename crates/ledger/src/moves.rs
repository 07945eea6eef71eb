//! When a message may become what, and by what: the one place where its state is changed, counted and told.
//!
//! | becomes | when it is | by what | decided in |
//! |---|---|---|---|
//! | `waiting` | new | a row of a campaign is planned; a message is accepted | `plan`, `messages/create` |
//! | `waiting` again | `sending` | an outcome: provably unsent, and the network has turned the message away fewer than five times | `results/outgoing`, `results/settle` |
//! | `waiting` again | `unknown` | the decision of a person or a policy that it is sent again | `resolutions` |
//! | `sending` | `waiting` | an intent | `intents`, `intents/decide` |
//! | `sent` | `sending`, `unknown` | an outcome: the network accepted it, whoever says so and of whichever attempt; a receipt that proves it | `results/outgoing`, `results/settle` |
//! | `sent` | `unknown` | the decision of a person that it was sent | `resolutions` |
//! | `delivered` | `sending`, `sent`, `unknown` | a receipt | `results/outgoing`, `results/settle` |
//! | `read` | `sending`, `sent`, `delivered`, `unknown` | a receipt | `results/outgoing`, `results/settle` |
//! | `failed` | `sending`, `sent`, `unknown` | an outcome of the present attempt: refused for good, or turned away for the fifth time; a receipt | `results/outgoing`, `results/settle` |
//! | `failed` | `unknown` | the decision of a person or a policy | `resolutions` |
//! | `unknown` | `sending` | an outcome of the present attempt: nobody knows | `results/outgoing`, `results/settle` |
//! | `expired` | `waiting` | its time has passed: at its intent, or found by the sweeper | `intents/decide`, `sweep` |
//! | `cancelled` | `waiting` | its campaign was cancelled: at its intent, or found by the sweeper | `intents/decide`, `sweep` |
//! | `cancelled` | `waiting` | its recipient opted out or was suppressed: at once, or at its intent | `suppressions`, `intents/decide` |
//!
//! What stands there is [`MessageState::after`], which alone says what is lawful; a move that does not apply changes nothing. An outcome
//! that nobody else will report is written by `intents/adoption` (the recipient was suppressed since) and `sweep` (the sender is gone);
//! it moves its message like any other.
//!
//! A move is decided on a working copy of the row. Several moves of one message in one transaction are written once.

use chrono::{DateTime, Utc};
use paceline_domain::{
    Address, AttemptNumber, CampaignId, CancelReason, EventKind, FailureReason, MessageId, MessageMove, MessageState,
    SenderId,
};
use serde::Serialize;

use crate::{
    Fallible,
    counters::{Book, Count},
    events::NewEvent,
    locks::Locked,
    rows::{Binding, EndWrite, ForwardWrite, MessageRow, ReturnWrite},
    transaction::Tx,
};

/// What happens to a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Happening {
    /// The move.
    pub(crate) happened: MessageMove,
    /// When, in campaign time.
    pub(crate) at: DateTime<Utc>,
    /// Why, when it fails or is cancelled.
    pub(crate) reason: Option<Reason>,
    /// Not to be tried again before this, when it waits again.
    pub(crate) not_before: Option<DateTime<Utc>>,
    /// The place of its cause among what the transaction was given.
    pub(crate) place: usize,
}

/// Why a message fails or is cancelled.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reason {
    /// It fails.
    Failed(FailureReason),
    /// It is cancelled.
    Cancelled(CancelReason),
}

/// A message that may move: a working copy of its row, which is written in the end.
#[derive(Debug)]
pub(crate) struct WorkingCopy {
    row: Locked<MessageRow>,
    state: MessageState,
    binding: Binding,
    sent_at: Option<DateTime<Utc>>,
    delivered_at: Option<DateTime<Utc>>,
    read_at: Option<DateTime<Utc>>,
    /// What happened to it last.
    last: Option<Happening>,
}

/// What the events of messages have in common.
#[derive(Debug, Serialize)]
pub(crate) struct MessageData<'a> {
    message_id: MessageId,
    campaign_id: Option<CampaignId>,
    row: Option<i64>,
    sender_id: Option<SenderId>,
    to: &'a Address,
    state: MessageState,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<AttemptNumber>,
}

impl Happening {
    /// That waiting messages are cancelled.
    pub(crate) const fn cancel(reason: CancelReason, at: DateTime<Utc>) -> Self {
        let reason = Some(Reason::Cancelled(reason));
        Self { happened: MessageMove::Cancel, at, reason, not_before: None, place: usize::MAX }
    }

    /// That the time of waiting messages has passed.
    pub(crate) const fn expire(at: DateTime<Utc>) -> Self {
        Self { happened: MessageMove::Expire, at, reason: None, not_before: None, place: usize::MAX }
    }
}

impl Reason {
    /// The word that is stored and told.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Failed(reason) => reason.as_str(),
            Self::Cancelled(reason) => reason.as_str(),
        }
    }
}

impl WorkingCopy {
    /// A message that has not moved yet.
    pub(crate) fn of(row: Locked<MessageRow>) -> Self {
        let (state, binding) = (row.state, row.binding);
        let (sent_at, delivered_at, read_at) = (row.sent_at, row.delivered_at, row.read_at);
        Self { row, state, binding, sent_at, delivered_at, read_at, last: None }
    }

    /// The row as it was locked.
    pub(crate) const fn row(&self) -> &Locked<MessageRow> {
        &self.row
    }

    /// The state that it is in by now.
    pub(crate) const fn state(&self) -> MessageState {
        self.state
    }

    /// The sender that sent it, or whose it is for good; not one that merely might have been next.
    pub(crate) fn sender(&self) -> Option<SenderId> {
        let is_free = self.row.state == MessageState::Waiting && self.row.binding == Binding::Free;
        self.row.sender.filter(|_| !is_free)
    }

    /// Ties it to its sender from now on, or to nobody.
    pub(crate) const fn bind(&mut self, binding: Binding) {
        self.binding = binding;
    }

    /// What an event says about it when it has moved into a state.
    pub(crate) fn data(&self, state: MessageState, happening: &Happening) -> MessageData<'_> {
        let while_waiting = matches!(happening.happened, MessageMove::Expire | MessageMove::Cancel);
        MessageData {
            message_id: self.row.id,
            campaign_id: self.row.campaign,
            row: self.row.row,
            sender_id: self.sender(),
            to: &self.row.to,
            state,
            reason: happening.reason.map(Reason::as_str),
            attempt: (!while_waiting).then_some(self.row.attempts),
        }
    }

    fn apply(&mut self, to: MessageState, happening: &Happening) {
        let at = happening.at;
        match to {
            MessageState::Sent => self.sent_at = Some(self.sent_at.unwrap_or(at)),
            // A receipt proves what came before it, even when that was never reported.
            MessageState::Delivered => {
                self.sent_at = Some(self.sent_at.unwrap_or(at));
                self.delivered_at = Some(at);
            }
            MessageState::Read => {
                self.sent_at = Some(self.sent_at.unwrap_or(at));
                self.delivered_at = Some(self.delivered_at.unwrap_or(at));
                self.read_at = Some(at);
            }
            MessageState::Failed
            | MessageState::Unknown
            | MessageState::Expired
            | MessageState::Cancelled
            | MessageState::Waiting
            | MessageState::Sending => {}
        }
        self.state = to;
        self.last = Some(*happening);
    }

    const fn forward(&self) -> ForwardWrite<'_> {
        let (sent_at, delivered_at, read_at) = (self.sent_at, self.delivered_at, self.read_at);
        ForwardWrite { message: &self.row, state: self.state, sent_at, delivered_at, read_at }
    }

    /// A message that never was sent keeps no sender that was not its own for good.
    fn end(&self, last: &Happening) -> EndWrite<'_> {
        let (reason, ended_at) = (last.reason.map(Reason::as_str), Some(last.at));
        EndWrite { message: &self.row, state: self.state, reason, ended_at, sender: self.sender() }
    }

    /// A message that is not its sender's for good is anyone's again.
    fn back(&self, last: &Happening) -> ReturnWrite<'_> {
        ReturnWrite {
            message: &self.row,
            sender: self.row.sender.filter(|_| self.binding != Binding::Free),
            binding: self.binding,
            not_before: last.not_before.unwrap_or(DateTime::UNIX_EPOCH),
            waits_for: if last.happened == MessageMove::Resend { "resend" } else { "unsent" },
        }
    }
}

/// Moves a message, counts the move and notes its event. `false`: the move does not apply, nothing changed.
pub(crate) fn move_message(tx: &mut Tx<'_>, message: &mut WorkingCopy, happening: &Happening) -> bool {
    let from = message.state;
    let Some(to) = from.after(happening.happened) else { return false };
    message.apply(to, happening);
    let book = Book::of(message.row.workspace, message.row.campaign);
    tx.counters.add_moved(book, from, to, 1);
    if let (MessageState::Failed, Some(Reason::Failed(reason))) = (to, happening.reason) {
        tx.counters.add(book, &Count::Failed(reason), 1);
    }
    if let Some(kind) = event_of(to) {
        let event = NewEvent::new(message.row.workspace, kind, happening.at, &message.data(to, happening));
        tx.events.add_at(happening.place, event);
    }
    true
}

/// Writes those messages that have moved, in the order of their rows.
pub(crate) async fn write(tx: &mut Tx<'_>, mut messages: Vec<WorkingCopy>) -> Fallible<()> {
    messages.sort_unstable_by_key(|message| message.row.seq);
    let (mut forward, mut ended, mut back) = (Vec::new(), Vec::new(), Vec::new());
    for message in &messages {
        let Some(last) = &message.last else { continue };
        match message.state {
            MessageState::Sent | MessageState::Delivered | MessageState::Read => forward.push(message.forward()),
            MessageState::Waiting => back.push(message.back(last)),
            MessageState::Failed | MessageState::Unknown | MessageState::Expired | MessageState::Cancelled => {
                ended.push(message.end(last));
            }
            // Intents have a statement of their own, with their attempts.
            MessageState::Sending => {}
        }
    }
    if !forward.is_empty() {
        tx.rows.move_forward(&forward).await?;
    }
    if !ended.is_empty() {
        tx.rows.end_messages(&ended).await?;
    }
    if !back.is_empty() {
        tx.rows.return_messages(&back).await?;
    }
    Ok(())
}

/// Ends waiting messages for one reason. Answers how many.
pub(crate) async fn end_waiting(
    tx: &mut Tx<'_>,
    messages: impl IntoIterator<Item = Locked<MessageRow>>,
    happening: Happening,
) -> Fallible<u64> {
    let mut ended: Vec<WorkingCopy> = messages.into_iter().map(WorkingCopy::of).collect();
    ended.retain_mut(|message| move_message(tx, message, &happening));
    let count = u64::try_from(ended.len()).unwrap_or(0);
    write(tx, ended).await?;
    Ok(count)
}

/// Counts the moves of messages that an intent has written. They make no event.
pub(crate) fn count_intended<'t>(tx: &mut Tx<'_>, messages: impl IntoIterator<Item = &'t Locked<MessageRow>>) {
    for message in messages {
        let book = Book::of(message.workspace, message.campaign);
        tx.counters.add_moved(book, MessageState::Waiting, MessageState::Sending, 1);
    }
}

/// The event that a move into `state` makes, `None` for the inner ones.
const fn event_of(state: MessageState) -> Option<EventKind> {
    match state {
        MessageState::Waiting | MessageState::Sending => None,
        MessageState::Sent => Some(EventKind::MessageSent),
        MessageState::Delivered => Some(EventKind::MessageDelivered),
        MessageState::Read => Some(EventKind::MessageRead),
        MessageState::Failed => Some(EventKind::MessageFailed),
        MessageState::Unknown => Some(EventKind::MessageUnknown),
        MessageState::Expired => Some(EventKind::MessageExpired),
        MessageState::Cancelled => Some(EventKind::MessageCancelled),
    }
}

#[cfg(test)]
mod tests {
    use paceline_domain::{EventKind, MessageState};

    use super::event_of;

    #[test]
    fn every_state_but_the_inner_ones_has_an_event_of_its_own() {
        let kinds: Vec<EventKind> = MessageState::ALL.iter().filter_map(|&state| event_of(state)).collect();
        assert_eq!(kinds.len(), MessageState::ALL.len() - 2);
        assert!(kinds.iter().enumerate().all(|(index, kind)| !kinds[..index].contains(kind)));
        for &state in MessageState::ALL {
            if let Some(kind) = event_of(state) {
                assert_eq!(kind.as_str(), format!("message.{state}"));
            }
        }
    }
}
