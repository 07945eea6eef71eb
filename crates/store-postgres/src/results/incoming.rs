//! Incoming messages: replies and opt-outs.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use paceline_domain::{
    Address, AddressHash, CampaignId, CancelReason, EventKind, Inbound, MessageId, MessageMove, ResultBody, SenderId,
    SuppressionReason, SuppressionScope, WorkspaceId,
};
use paceline_store::{
    results::{ApplySummary, OptOut},
    suppressions::Suppression,
};
use serde::Serialize;

use super::{Fresh, Reporter};
use crate::{
    bulk::column,
    cells::Cells,
    counters::{Count, Ledger},
    error::Fallible,
    events::NewEvent,
    gates::Gate,
    moves::Happening,
    transaction::Tx,
    values::{hash, uuids},
};

/// How long a message may have been out for an incoming one to be its answer.
const ANSWERED_WITHIN: chrono::Duration = chrono::Duration::days(7);

/// An incoming message with what is known about it.
struct Arrived<'r> {
    place: usize,
    sender: SenderId,
    workspace: WorkspaceId,
    hash: AddressHash,
    at: DateTime<Utc>,
    inbound: &'r Inbound,
    opt_out: OptOut,
}

/// The message that was answered.
struct Answered {
    seq: i64,
    id: MessageId,
    campaign: Option<CampaignId>,
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

/// The sender's latest message to a person. One that is certainly out goes before one that may be on its way, because an answer can
/// overtake the report that its message was sent.
const FIND_ANSWERED: &str = "SELECT j.place, m.seq \
    FROM unnest($1::bigint[], $2::uuid[], $3::bytea[], $4::timestamptz[]) AS j (place, sender_id, hash, since) \
    CROSS JOIN LATERAL (SELECT x.seq FROM messages x \
        WHERE x.hash = j.hash AND x.attempts > 0 AND x.attempted_at >= j.since AND x.sender_id = j.sender_id \
            AND x.state IN ('sending', 'unknown', 'sent', 'delivered', 'read') \
        ORDER BY x.sent_at IS NULL, x.attempted_at DESC LIMIT 1) m";

const WRITE_ANSWERED: &str = "UPDATE messages SET replied_at = v.replied_at, opted_out_at = v.opted_out_at \
    FROM unnest($1::bigint[], $2::timestamptz[], $3::timestamptz[]) AS v (seq, replied_at, opted_out_at) \
    WHERE messages.seq = v.seq";

impl Tx {
    /// Closes the gates of those who opt out, before anything is read that an intent may be about to change.
    pub(super) async fn close_gates_of_opt_outs(
        &mut self,
        fresh: &[Fresh<'_>],
        reporters: &HashMap<SenderId, Reporter>,
    ) -> Fallible<()> {
        let arrived = fresh.iter().filter_map(|fresh| arrived(fresh, reporters));
        let gates = arrived.filter(|arrived| arrived.opt_out == OptOut::Yes).map(|arrived| Gate::Person(arrived.hash));
        self.close_gates(gates.collect()).await
    }

    /// Applies incoming messages. Answers how many there were.
    pub(super) async fn apply_incoming(
        &mut self,
        fresh: &[Fresh<'_>],
        reporters: &HashMap<SenderId, Reporter>,
        now: DateTime<Utc>,
        summary: &mut ApplySummary,
    ) -> Fallible<u64> {
        let arrived: Vec<_> = fresh.iter().filter_map(|fresh| arrived(fresh, reporters)).collect();
        if arrived.is_empty() {
            return Ok(0);
        }
        let answers = self.find_answered(&arrived).await?;
        let mut answered = self.hold_answered(&answers).await?;
        for (arrived, answer) in arrived.iter().zip(answers) {
            let answer = answer.and_then(|seq| answered.get_mut(&seq));
            self.take_answer(arrived, answer);
        }
        self.write_answered(&answered).await?;
        summary.opted_out += self.suppress_opted_out(&arrived, now).await?;
        Ok(u64::try_from(arrived.len()).unwrap_or(0))
    }

    /// The row of the message that each answers.
    async fn find_answered(&mut self, arrived: &[Arrived<'_>]) -> Fallible<Vec<Option<i64>>> {
        let places: Vec<i64> = (0..).take(arrived.len()).collect();
        let since = |arrived: &Arrived<'_>| arrived.at.checked_sub_signed(ANSWERED_WITHIN).unwrap_or(arrived.at);
        let query = sqlx::query(FIND_ANSWERED)
            .bind(places)
            .bind(uuids(arrived.iter().map(|arrived| arrived.sender)))
            .bind(column(arrived, |arrived| hash(arrived.hash)))
            .bind(column(arrived, since));
        let mut answers = vec![None; arrived.len()];
        for row in &self.all(query).await? {
            let cells = Cells::new("messages", row);
            let place: usize = cells.small("place")?;
            if let Some(slot) = answers.get_mut(place) {
                *slot = Some(cells.number("seq")?);
            }
        }
        Ok(answers)
    }

    /// Locks the messages that are answered, so that of two answers at once one is the first.
    async fn hold_answered(&mut self, answers: &[Option<i64>]) -> Fallible<BTreeMap<i64, Answered>> {
        let seqs: Vec<i64> = answers.iter().flatten().copied().collect();
        let mut answered = BTreeMap::new();
        if seqs.is_empty() {
            return Ok(answered);
        }
        let query = sqlx::query(
            "SELECT m.seq, m.id, m.campaign_id, m.replied_at, m.opted_out_at FROM messages m \
             WHERE m.seq = ANY($1) ORDER BY m.seq FOR UPDATE",
        );
        for row in &self.all(query.bind(seqs)).await? {
            let cells = Cells::new("messages", row);
            let answer = Answered {
                seq: cells.number("seq")?,
                id: cells.id("id")?,
                campaign: cells.opt_id("campaign_id")?,
                replied_at: cells.opt_time("replied_at")?,
                opted_out_at: cells.opt_time("opted_out_at")?,
            };
            answered.insert(answer.seq, answer);
        }
        Ok(answered)
    }

    async fn write_answered(&mut self, answered: &BTreeMap<i64, Answered>) -> Fallible<()> {
        if answered.is_empty() {
            return Ok(());
        }
        let write = sqlx::query(WRITE_ANSWERED)
            .bind(answered.keys().copied().collect::<Vec<_>>())
            .bind(answered.values().map(|answered| answered.replied_at).collect::<Vec<_>>())
            .bind(answered.values().map(|answered| answered.opted_out_at).collect::<Vec<_>>());
        self.execute(write).await?;
        Ok(())
    }

    /// Counts an answer, the first of each message only, and notes the event.
    fn take_answer(&mut self, arrived: &Arrived<'_>, mut answer: Option<&mut Answered>) {
        let opt_out = arrived.opt_out == OptOut::Yes;
        if let Some(answered) = answer.as_deref_mut() {
            let ledger = Ledger::of(arrived.workspace, answered.campaign);
            if answered.replied_at.is_none() {
                answered.replied_at = Some(arrived.at);
                self.count(ledger, &Count::Replied, 1);
            }
            if opt_out && answered.opted_out_at.is_none() {
                answered.opted_out_at = Some(arrived.at);
                self.count(ledger, &Count::OptedOut, 1);
            }
        }
        let (in_reply_to, campaign_id) = names(answer.as_deref());
        let Inbound { from, text, .. } = arrived.inbound;
        let data = ReceivedData { sender_id: arrived.sender, from, text, in_reply_to, campaign_id, opt_out };
        let event = NewEvent::new(arrived.workspace, EventKind::MessageReceived, arrived.at, &data);
        self.event_at(arrived.place, event);
        if opt_out {
            let data = OptedOutData { sender_id: arrived.sender, from, in_reply_to, campaign_id };
            let event = NewEvent::new(arrived.workspace, EventKind::ContactOptedOut, arrived.at, &data);
            self.event_at(arrived.place, event);
        }
    }

    /// Suppresses those who opted out and cancels what waits for them. Answers how many are newly suppressed.
    async fn suppress_opted_out(&mut self, arrived: &[Arrived<'_>], now: DateTime<Utc>) -> Fallible<u64> {
        let mut suppressions = Vec::new();
        let mut people: BTreeMap<WorkspaceId, BTreeMap<AddressHash, Happening>> = BTreeMap::new();
        for arrived in arrived.iter().filter(|arrived| arrived.opt_out == OptOut::Yes) {
            suppressions.push(Suppression {
                id: self.mint(now),
                workspace: arrived.workspace,
                hash: arrived.hash,
                address: Some(arrived.inbound.from.clone()),
                scope: SuppressionScope::All,
                reason: SuppressionReason::OptedOut,
                since: arrived.at,
            });
            let happening = Happening {
                happened: MessageMove::Cancel,
                at: arrived.at,
                reason: Some(CancelReason::OptedOut.as_str()),
                not_before: None,
                place: arrived.place,
            };
            people.entry(arrived.workspace).or_default().entry(arrived.hash).or_insert(happening);
        }
        if suppressions.is_empty() {
            return Ok(0);
        }
        let opted_out = self.suppress(&suppressions).await?;
        for (workspace, people) in people {
            let people: Vec<_> = people.into_iter().collect();
            self.cancel_waiting(workspace, SuppressionScope::All, &people).await?;
        }
        Ok(opted_out)
    }
}

fn arrived<'r>(fresh: &Fresh<'r>, reporters: &HashMap<SenderId, Reporter>) -> Option<Arrived<'r>> {
    let result = &fresh.result.result;
    let ResultBody::Inbound(inbound) = &result.body else { return None };
    let reporter = reporters.get(&result.sender)?;
    Some(Arrived {
        place: fresh.place,
        sender: result.sender,
        workspace: reporter.workspace,
        hash: reporter.key.hash_address(&inbound.from),
        at: result.at,
        inbound,
        opt_out: fresh.result.opt_out,
    })
}

fn names(answered: Option<&Answered>) -> (Option<MessageId>, Option<CampaignId>) {
    (answered.map(|answered| answered.id), answered.and_then(|answered| answered.campaign))
}
