//! Incoming messages: replies and opt-outs.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use paceline_domain::{
    Address, AddressHash, CampaignId, CancelReason, EventKind, Inbound, MessageId, ResultBody, SenderId,
    SuppressionReason, SuppressionScope, WorkspaceId,
};
use paceline_store::{
    results::{ApplySummary, OptOut},
    suppressions::Suppression,
};
use serde::Serialize;

use super::Fresh;
use crate::{
    Fallible,
    counters::{Book, Count},
    events::NewEvent,
    locks::Locked,
    moves::Happening,
    rows::{Answer, AnsweredRow, Gate, Question},
    suppressions,
    transaction::Tx,
};

/// How long a message may have been out for an incoming one to be its answer.
const ANSWERED_WITHIN: chrono::Duration = chrono::Duration::days(7);

/// An incoming message with what is known about it.
pub(super) struct Arrived<'r> {
    place: usize,
    sender: SenderId,
    workspace: WorkspaceId,
    hash: AddressHash,
    at: DateTime<Utc>,
    inbound: &'r Inbound,
    opt_out: OptOut,
}

/// A message that was answered, and when it first was.
struct Answered {
    row: Locked<AnsweredRow>,
    replied_at: Option<DateTime<Utc>>,
    opted_out_at: Option<DateTime<Utc>>,
}

#[derive(Serialize)]
struct ReceivedData<'a> {
    sender_id: SenderId,
    from: &'a Address,
    text: &'a str,
    in_reply_to: Option<MessageId>,
    campaign_id: Option<CampaignId>,
    opt_out: bool,
}

#[derive(Serialize)]
struct OptedOutData<'a> {
    sender_id: SenderId,
    from: &'a Address,
    in_reply_to: Option<MessageId>,
    campaign_id: Option<CampaignId>,
}

/// The incoming messages of a batch.
pub(super) fn arrivals<'r>(fresh: &[Fresh<'r>]) -> Vec<Arrived<'r>> {
    let arrived = fresh.iter().filter_map(|fresh| {
        let result = &fresh.result.result;
        let ResultBody::Inbound(inbound) = &result.body else { return None };
        Some(Arrived {
            place: fresh.place,
            sender: result.sender,
            workspace: fresh.reporter.workspace,
            hash: fresh.reporter.key.hash_address(&inbound.from),
            at: result.at,
            inbound,
            opt_out: fresh.result.opt_out,
        })
    });
    arrived.collect()
}

/// Closes the gates of those who opt out, before anything is read that an intent may be about to change.
pub(super) async fn close_gates(tx: &mut Tx<'_>, arrived: &[Arrived<'_>]) -> Fallible<()> {
    let gates: Vec<Gate> = opt_outs(arrived).map(|arrived| Gate::Person(arrived.hash)).collect();
    if gates.is_empty() { Ok(()) } else { tx.rows.close_gates(&gates).await }
}

/// Applies incoming messages. Answers how many there were.
pub(super) async fn apply(
    tx: &mut Tx<'_>,
    arrived: &[Arrived<'_>],
    now: DateTime<Utc>,
    summary: &mut ApplySummary,
) -> Fallible<u64> {
    if arrived.is_empty() {
        return Ok(0);
    }
    let questions: Vec<Question> = arrived.iter().map(Arrived::question).collect();
    let answers = tx.rows.find_answered(&questions).await?;
    let mut answered = lock_answered(tx, &answers).await?;
    for (arrived, answer) in arrived.iter().zip(answers) {
        let answer = answer.and_then(|seq| answered.get_mut(&seq));
        take_answer(tx, arrived, answer);
    }
    let writes: Vec<Answer<'_>> = answered.values().map(Answered::write).collect();
    if !writes.is_empty() {
        tx.rows.write_answers(&writes).await?;
    }
    summary.opted_out += suppress(tx, arrived, now).await?;
    Ok(u64::try_from(arrived.len()).unwrap_or(0))
}

/// Locks the messages that are answered, by row, so that of two answers at once one is the first.
async fn lock_answered(tx: &mut Tx<'_>, answers: &[Option<i64>]) -> Fallible<BTreeMap<i64, Answered>> {
    let seqs: BTreeSet<i64> = answers.iter().flatten().copied().collect();
    if seqs.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows = tx.rows.lock_answered(&seqs.into_iter().collect::<Vec<_>>()).await?;
    let answered = |row: Locked<AnsweredRow>| {
        let (replied_at, opted_out_at) = (row.replied_at, row.opted_out_at);
        (row.seq, Answered { row, replied_at, opted_out_at })
    };
    Ok(rows.into_iter().map(answered).collect())
}

/// Counts an answer, the first of each message only, and notes the event.
fn take_answer(tx: &mut Tx<'_>, arrived: &Arrived<'_>, mut answer: Option<&mut Answered>) {
    let opt_out = arrived.opt_out == OptOut::Yes;
    if let Some(answered) = answer.as_deref_mut() {
        let book = Book::of(arrived.workspace, answered.row.campaign);
        if answered.replied_at.is_none() {
            answered.replied_at = Some(arrived.at);
            tx.counters.add(book, &Count::Replied, 1);
        }
        if opt_out && answered.opted_out_at.is_none() {
            answered.opted_out_at = Some(arrived.at);
            tx.counters.add(book, &Count::OptedOut, 1);
        }
    }
    let in_reply_to = answer.as_deref().map(|answered| answered.row.id);
    let campaign_id = answer.as_deref().and_then(|answered| answered.row.campaign);
    let Inbound { from, text, .. } = arrived.inbound;
    let data = ReceivedData { sender_id: arrived.sender, from, text, in_reply_to, campaign_id, opt_out };
    let event = NewEvent::new(arrived.workspace, EventKind::MessageReceived, arrived.at, &data);
    tx.events.add_at(arrived.place, event);
    if opt_out {
        let data = OptedOutData { sender_id: arrived.sender, from, in_reply_to, campaign_id };
        let event = NewEvent::new(arrived.workspace, EventKind::ContactOptedOut, arrived.at, &data);
        tx.events.add_at(arrived.place, event);
    }
}

/// Suppresses those who opted out. Answers how many are newly suppressed.
async fn suppress(tx: &mut Tx<'_>, arrived: &[Arrived<'_>], now: DateTime<Utc>) -> Fallible<u64> {
    let mut opted_out = Vec::new();
    for arrived in opt_outs(arrived) {
        let suppression = Suppression {
            id: tx.mint(now),
            workspace: arrived.workspace,
            hash: arrived.hash,
            address: Some(arrived.inbound.from.clone()),
            scope: SuppressionScope::All,
            reason: SuppressionReason::OptedOut,
            since: arrived.at,
        };
        let happening = Happening { place: arrived.place, ..Happening::cancel(CancelReason::OptedOut, arrived.at) };
        opted_out.push((suppression, happening));
    }
    Ok(suppressions::suppress(tx, opted_out).await?.reached)
}

fn opt_outs<'a, 'r>(arrived: &'a [Arrived<'r>]) -> impl Iterator<Item = &'a Arrived<'r>> {
    arrived.iter().filter(|arrived| arrived.opt_out == OptOut::Yes)
}

impl Arrived<'_> {
    fn question(&self) -> Question {
        let since = self.at.checked_sub_signed(ANSWERED_WITHIN).unwrap_or(self.at);
        Question { sender: self.sender, hash: self.hash, since }
    }
}

impl Answered {
    const fn write(&self) -> Answer<'_> {
        Answer { message: &self.row, replied_at: self.replied_at, opted_out_at: self.opted_out_at }
    }
}
