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
    bulk::Bulk,
    cells::Cells,
    counters::{Count, Ledger},
    error::Fallible,
    events::NewEvent,
    moves::Happening,
    transaction::Tx,
    values::{hex, micros, opt_micros},
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
#[derive(Clone)]
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

const WRITE_ANSWERED: Bulk = Bulk {
    head: "WITH v (seq, replied_at, opted_out_at) AS (VALUES",
    row: "(?, ?, ?)",
    tail: ") UPDATE messages SET replied_at = v.replied_at, opted_out_at = v.opted_out_at FROM v WHERE messages.seq = v.seq",
};

impl Tx {
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
        let mut answered: BTreeMap<i64, Answered> = BTreeMap::new();
        for (arrived, answer) in arrived.iter().zip(answers) {
            let answer = answer.map(|answer| answered.entry(answer.seq).or_insert(answer));
            self.take_answer(arrived, answer);
        }
        let answered: Vec<_> = answered.into_values().collect();
        WRITE_ANSWERED
            .run(
                self,
                &answered,
                |_| {},
                |values, answered| {
                    values
                        .add(answered.seq)
                        .add(opt_micros(answered.replied_at))
                        .add(opt_micros(answered.opted_out_at));
                },
            )
            .await?;
        summary.opted_out += self.suppress_opted_out(&arrived, now).await?;
        Ok(u64::try_from(arrived.len()).unwrap_or(0))
    }

    /// The message that each answers: the sender's latest to the person. One that is certainly out goes before one that
    /// may be on its way, because an answer can overtake the report that its message was sent.
    async fn find_answered(&mut self, arrived: &[Arrived<'_>]) -> Fallible<Vec<Option<Answered>>> {
        let query = sqlx::query(
            "SELECT j.key AS place, m.seq, m.id, m.campaign_id, m.replied_at, m.opted_out_at \
             FROM json_each(?1) j CROSS JOIN messages m WHERE m.seq = \
                (SELECT x.seq FROM messages x INDEXED BY messages_to_person \
                 WHERE x.hash = unhex(j.value ->> 1) AND x.attempts > 0 AND x.attempted_at >= j.value ->> 2 \
                    AND x.sender_id = unhex(j.value ->> 0) \
                    AND x.state IN ('sending', 'unknown', 'sent', 'delivered', 'read') \
                 ORDER BY x.sent_at IS NULL, x.attempted_at DESC LIMIT 1)",
        );
        let key = |arrived: &Arrived<'_>| {
            let since = arrived.at.checked_sub_signed(ANSWERED_WITHIN).unwrap_or(DateTime::<Utc>::MIN_UTC);
            (hex(&arrived.sender.to_bytes()), hex(&arrived.hash.to_bytes()), micros(since))
        };
        let keys: Vec<_> = arrived.iter().map(key).collect();
        let mut answers = vec![None; arrived.len()];
        for row in &self.all(query.bind(serde_json::json!(keys).to_string())).await? {
            let cells = Cells::new("messages", row);
            let place: usize = cells.number("place")?.try_into().map_err(|_| cells.corrupt("place"))?;
            let answer = Answered {
                seq: cells.number("seq")?,
                id: cells.id("id")?,
                campaign: cells.opt_id("campaign_id")?,
                replied_at: cells.opt_time("replied_at")?,
                opted_out_at: cells.opt_time("opted_out_at")?,
            };
            if let Some(slot) = answers.get_mut(place) {
                *slot = Some(answer);
            }
        }
        Ok(answers)
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
