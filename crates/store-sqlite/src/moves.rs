//! The one place where a message's state is written after its creation: the row, the counters and the event together.

use chrono::{DateTime, Utc};
use paceline_domain::{
    Address, AttemptNumber, CampaignId, FailureReason, MessageId, MessageMove, MessageState, SenderId, WorkspaceId,
};
use paceline_store::results::event_of;
use serde::Serialize;
use sqlx::sqlite::SqliteRow;

use crate::{
    bulk::{Bulk, Values},
    cells::Cells,
    counters::{Count, Ledger},
    error::Fallible,
    events::NewEvent,
    transaction::Tx,
    values::{micros, opt_micros},
};

/// The columns of a [`Held`]; the table is named `m`.
macro_rules! held_columns {
    () => {
        "m.seq, m.id, m.workspace_id, m.campaign_id, m.row_no, \
         iif(m.state = 'waiting' AND m.binding = 'free', NULL, m.sender_id) AS sender_id, m.phone, m.business_scoped_id, m.linked_id, \
         m.state, m.attempts, m.sent_at, m.delivered_at, m.read_at"
    };
}
pub(crate) use held_columns;

/// A message as a transaction holds it before it moves it.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) seq: i64,
    pub(crate) id: MessageId,
    pub(crate) workspace: WorkspaceId,
    pub(crate) campaign: Option<CampaignId>,
    pub(crate) row: Option<i64>,
    /// The sender that sent it, or whose it is for good; not one that merely might have been next.
    pub(crate) sender: Option<SenderId>,
    pub(crate) to: Address,
    pub(crate) state: MessageState,
    pub(crate) attempts: AttemptNumber,
    pub(crate) sent_at: Option<DateTime<Utc>>,
    pub(crate) delivered_at: Option<DateTime<Utc>>,
    pub(crate) read_at: Option<DateTime<Utc>>,
}

/// Reads a message to hold.
pub(crate) fn read_held(row: &SqliteRow) -> Fallible<Held> {
    let cells = Cells::new("messages", row);
    Ok(Held {
        seq: cells.number("seq")?,
        id: cells.id("id")?,
        workspace: cells.id("workspace_id")?,
        campaign: cells.opt_id("campaign_id")?,
        row: cells.opt_number("row_no")?,
        sender: cells.opt_id("sender_id")?,
        to: cells.address()?,
        state: cells.word("state")?,
        attempts: cells.small("attempts")?,
        sent_at: cells.opt_time("sent_at")?,
        delivered_at: cells.opt_time("delivered_at")?,
        read_at: cells.opt_time("read_at")?,
    })
}

/// What happens to a message.
#[derive(Debug, Clone)]
pub(crate) struct Happening {
    /// The move.
    pub(crate) happened: MessageMove,
    /// When, in campaign time.
    pub(crate) at: DateTime<Utc>,
    /// Why, when it fails or is cancelled: a word of the domain.
    pub(crate) reason: Option<&'static str>,
    /// Not to be tried again before this, when it waits again.
    pub(crate) not_before: Option<DateTime<Utc>>,
    /// The place of its cause among what the transaction was given.
    pub(crate) place: usize,
}

/// A message that has moved, and is to be written.
#[derive(Debug)]
pub(crate) struct Moved {
    /// The message as it now is.
    pub(crate) held: Held,
    /// Why it ended.
    reason: Option<&'static str>,
    /// When it ended.
    ended_at: Option<DateTime<Utc>>,
    /// Until when it is put off.
    not_before: Option<DateTime<Utc>>,
    /// Why it waits again.
    waits_for: &'static str,
    /// Whether there is anything to write.
    changed: bool,
}

/// What the events of messages have in common.
#[derive(Serialize)]
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

/// Receipts and acceptance: forward, and out of `unknown`.
const FORWARD: Bulk = Bulk {
    head: "WITH v (seq, state, sent_at, delivered_at, read_at) AS (VALUES",
    row: "(?, ?, ?, ?, ?)",
    tail: ") UPDATE messages SET state = v.state, sent_at = v.sent_at, delivered_at = v.delivered_at, read_at = v.read_at, \
           reason = NULL, ended_at = NULL FROM v WHERE messages.seq = v.seq",
};

/// Failed, unknown, expired, cancelled. A message that never was sent keeps no sender that was not its own for good.
const END: Bulk = Bulk {
    head: "WITH v (seq, state, reason, ended_at) AS (VALUES",
    row: "(?, ?, ?, ?)",
    tail: ") UPDATE messages SET sender_id = iif(messages.state = 'waiting' AND binding = 'free', NULL, sender_id), \
           state = v.state, reason = v.reason, ended_at = v.ended_at, release_deadline = NULL \
           FROM v WHERE messages.seq = v.seq",
};

/// Waiting again.
const BACK: Bulk = Bulk {
    head: "WITH v (seq, not_before, waits_for) AS (VALUES",
    row: "(?, ?, ?)",
    tail: ") UPDATE messages SET state = 'waiting', sender_id = iif(binding = 'free', NULL, sender_id), \
           not_before = v.not_before, waits_for = v.waits_for, reason = NULL, ended_at = NULL, release_deadline = NULL \
           FROM v WHERE messages.seq = v.seq",
};

impl Moved {
    /// A message that has not moved yet.
    pub(crate) fn start(held: Held) -> Self {
        Self { held, reason: None, ended_at: None, not_before: None, waits_for: "unsent", changed: false }
    }

    /// Whether there is anything to write.
    pub(crate) fn has_moved(&self) -> bool {
        self.changed
    }
}

impl Tx {
    /// Moves a message in memory, counts the move and notes its event. `false`: the move does not apply, nothing changed.
    /// Several moves of one message in one transaction are written once, by [`Tx::write_moved`].
    pub(crate) fn move_message(&mut self, moved: &mut Moved, happening: &Happening) -> bool {
        let from = moved.held.state;
        let Some(to) = from.after(happening.happened) else { return false };
        moved.apply(to, happening);
        let held = &moved.held;
        let ledger = Ledger::of(held.workspace, held.campaign);
        self.count_moved(ledger, from, to, 1);
        if to == MessageState::Failed
            && let Some(reason) = happening.reason.and_then(|reason| reason.parse::<FailureReason>().ok())
        {
            self.count(ledger, &Count::Failed(reason), 1);
        }
        if let Some(kind) = event_of(to) {
            let event = NewEvent::new(held.workspace, kind, happening.at, &data_of(held, to, happening));
            self.event_at(happening.place, event);
        }
        true
    }

    /// Writes messages that have moved, in the order of their rows.
    pub(crate) async fn write_moved(&mut self, mut moved: Vec<Moved>) -> Fallible<()> {
        moved.sort_unstable_by_key(|moved| moved.held.seq);
        let (mut forward, mut ended, mut back) = (Vec::new(), Vec::new(), Vec::new());
        for message in moved {
            match message.held.state {
                MessageState::Sent | MessageState::Delivered | MessageState::Read => forward.push(message),
                MessageState::Waiting => back.push(message),
                _ => ended.push(message),
            }
        }
        FORWARD.run(self, &forward, |_| {}, bind_forward).await?;
        END.run(
            self,
            &ended,
            |_| {},
            |values, moved| {
                values
                    .add(moved.held.seq)
                    .add(moved.held.state.as_str())
                    .add(moved.reason)
                    .add(opt_micros(moved.ended_at));
            },
        )
        .await?;
        BACK.run(
            self,
            &back,
            |_| {},
            |values, moved| {
                values.add(moved.held.seq).add(moved.not_before.map_or(0, micros)).add(moved.waits_for);
            },
        )
        .await?;
        Ok(())
    }

    /// Ends waiting messages for one reason. Answers how many.
    pub(crate) async fn end_waiting(&mut self, held: Vec<Held>, happening: Happening) -> Fallible<u64> {
        let mut ended: Vec<Moved> = held.into_iter().map(Moved::start).collect();
        ended.retain_mut(|moved| self.move_message(moved, &happening));
        let count = u64::try_from(ended.len()).unwrap_or(0);
        self.write_moved(ended).await?;
        Ok(count)
    }
}

/// What an event says about a message that moves into a state.
pub(crate) fn data_of<'h>(held: &'h Held, state: MessageState, happening: &Happening) -> MessageData<'h> {
    let while_waiting = matches!(happening.happened, MessageMove::Expire | MessageMove::Cancel);
    MessageData {
        message_id: held.id,
        campaign_id: held.campaign,
        row: held.row,
        sender_id: held.sender,
        to: &held.to,
        state,
        reason: happening.reason,
        attempt: (!while_waiting).then_some(held.attempts),
    }
}

impl Moved {
    fn apply(&mut self, to: MessageState, happening: &Happening) {
        let held = &mut self.held;
        held.state = to;
        self.changed = true;
        let at = happening.at;
        match to {
            MessageState::Sent => held.sent_at = Some(held.sent_at.unwrap_or(at)),
            // A receipt proves what came before it, even when that was never reported.
            MessageState::Delivered => {
                held.sent_at = Some(held.sent_at.unwrap_or(at));
                held.delivered_at = Some(at);
            }
            MessageState::Read => {
                held.sent_at = Some(held.sent_at.unwrap_or(at));
                held.delivered_at = Some(held.delivered_at.unwrap_or(at));
                held.read_at = Some(at);
            }
            MessageState::Failed | MessageState::Unknown | MessageState::Expired | MessageState::Cancelled => {
                self.ended_at = Some(at);
            }
            MessageState::Waiting | MessageState::Sending => {}
        }
        self.reason = happening.reason;
        self.not_before = happening.not_before;
        self.waits_for = if happening.happened == MessageMove::Resend { "resend" } else { "unsent" };
    }
}

fn bind_forward(values: &mut Values, moved: &Moved) {
    let held = &moved.held;
    values.add(held.seq).add(held.state.as_str()).add(opt_micros(held.sent_at));
    values.add(opt_micros(held.delivered_at)).add(opt_micros(held.read_at));
}
