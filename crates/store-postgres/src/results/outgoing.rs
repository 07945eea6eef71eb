//! Outcomes of attempts, and receipts.

use std::collections::{BTreeSet, HashMap, hash_map::Entry};

use paceline_domain::{
    Epoch, FailureReason, MessageId, MessageMove, MessageState, Outcome, Receipt, ResultBody, SenderId, WorkerResult,
};
use paceline_store::{
    intents::AttemptOutcome,
    results::{ApplySummary, Ledger, Settlement, settle_receipt},
};

use super::{Fresh, is_outgoing};
use crate::{
    bulk::column,
    cells::Cells,
    error::Fallible,
    messages::read_outcome,
    moves::{Happening, Held, Moved, held_columns, read_held},
    transaction::Tx,
    values::{storable, uuid, uuids},
};

/// The messages that a batch is about.
#[derive(Default)]
struct Named {
    messages: HashMap<MessageId, Moved>,
    /// Which of them a receipt means, by its place in the batch.
    by_receipt: HashMap<usize, MessageId>,
    ledger: Ledger,
}

impl Tx {
    /// Applies outcomes and receipts. Answers how many changed something.
    pub(super) async fn apply_outgoing(&mut self, fresh: &[Fresh<'_>], summary: &mut ApplySummary) -> Fallible<u64> {
        if !fresh.iter().any(|fresh| is_outgoing(&fresh.result.result.body)) {
            return Ok(0);
        }
        let mut named = Named { by_receipt: self.find_by_receipt(fresh).await?, ..Named::default() };
        named.messages = self.hold_named(fresh, &named.by_receipt).await?;
        self.complete_ledger(fresh).await?;
        named.ledger = self.read_ledger(fresh).await?;
        let mut applied = 0;
        for fresh in fresh {
            applied += u64::from(self.apply_one(fresh, &mut named, summary));
        }
        let moved = named.messages.into_values().filter(Moved::has_moved).collect();
        self.write_moved(moved).await?;
        Ok(applied)
    }

    /// Moves the message that an outcome or a receipt is about. `false`: nothing changed.
    fn apply_one(&mut self, fresh: &Fresh<'_>, named: &mut Named, summary: &mut ApplySummary) -> bool {
        let result = &fresh.result.result;
        let message = match &result.body {
            ResultBody::Attempt { message, .. } => Some(message),
            ResultBody::Receipt(_) => named.by_receipt.get(&fresh.place),
            _ => None,
        };
        let Some(moved) = message.and_then(|id| named.messages.get_mut(id)) else { return false };
        // A receipt means a message of its own sender, not one that was given to another meanwhile.
        if matches!(result.body, ResultBody::Receipt(_)) && moved.held.sender != Some(result.sender) {
            return false;
        }
        let Some(settlement) = settlement(result, &moved.held, &named.ledger) else { return false };
        let happening = Happening {
            happened: settlement.happened,
            at: result.at,
            reason: settlement.reason.map(FailureReason::as_str),
            not_before: settlement.not_before,
            place: fresh.place,
        };
        let from = moved.held.state;
        if proves_acceptance(settlement.happened, from) {
            // Whoever reads the events sees every message sent before it is delivered.
            let accepted =
                Happening { happened: MessageMove::Accept, reason: None, not_before: None, ..happening.clone() };
            self.move_message(moved, &accepted);
        }
        let applied = self.move_message(moved, &happening);
        if applied {
            summary.count_outgoing(&result.body, from, moved.held.state);
        }
        applied
    }

    /// The messages that receipts name, by place: by our own id, or else by that of the provider.
    async fn find_by_receipt(&mut self, fresh: &[Fresh<'_>]) -> Fallible<HashMap<usize, MessageId>> {
        let receipts: Vec<(usize, SenderId, &str)> = fresh
            .iter()
            .filter_map(|fresh| match &fresh.result.result.body {
                ResultBody::Receipt(receipt) => Some((fresh.place, fresh.result.result.sender, receipt.id.as_str())),
                _ => None,
            })
            .collect();
        let mut found = HashMap::new();
        if receipts.is_empty() {
            return Ok(found);
        }
        let query = sqlx::query(
            "WITH r AS (SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::text[]) AS r (place, sender_id, id)) \
             SELECT r.place, m.id, 1 AS ours, 0::bigint AS seq FROM r CROSS JOIN LATERAL (SELECT m.id FROM messages m \
                WHERE m.wa_id = r.id AND m.attempts > 0 AND m.sender_id = r.sender_id OFFSET 0) m \
             UNION ALL SELECT r.place, a.message_id, 0, a.seq FROM r CROSS JOIN LATERAL (SELECT a.message_id, a.seq FROM attempts a \
                WHERE a.provider_id = r.id AND a.sender_id = r.sender_id OFFSET 0) a ORDER BY ours, seq",
        );
        let query = query
            .bind(column(&receipts, |(place, ..)| i64::try_from(*place).unwrap_or(i64::MAX)))
            .bind(uuids(receipts.iter().map(|(_, sender, _)| *sender)))
            .bind(column(&receipts, |(.., id)| storable(id)));
        for row in &self.all(query).await? {
            let cells = Cells::new("messages", row);
            found.insert(cells.small("place")?, cells.id("id")?);
        }
        // A provider's id that comes with this very batch need not be in the ledger yet.
        let provided = provided(fresh);
        for (place, sender, id) in receipts {
            if let (Entry::Vacant(entry), Some(message)) = (found.entry(place), provided.get(&(sender, id))) {
                entry.insert(*message);
            }
        }
        Ok(found)
    }

    /// Locks all messages that the batch is about, in the order of their rows, and reads them as they then are.
    async fn hold_named(
        &mut self,
        fresh: &[Fresh<'_>],
        by_receipt: &HashMap<usize, MessageId>,
    ) -> Fallible<HashMap<MessageId, Moved>> {
        let of_attempts = fresh.iter().filter_map(|fresh| match &fresh.result.result.body {
            ResultBody::Attempt { message, .. } => Some(*message),
            _ => None,
        });
        let ids: BTreeSet<MessageId> = of_attempts.chain(by_receipt.values().copied()).collect();
        let query = sqlx::query(concat!(
            "SELECT ",
            held_columns!(),
            " FROM messages m WHERE m.id = ANY($1) ORDER BY m.seq FOR UPDATE OF m"
        ));
        let rows = self.all(query.bind(uuids(ids))).await?;
        rows.iter().map(|row| read_held(row).map(|held| (held.id, Moved::start(held)))).collect()
    }

    /// The ledger has each outcome before its result is published; one that lacks it, for whatever reason, is completed.
    async fn complete_ledger(&mut self, fresh: &[Fresh<'_>]) -> Fallible<()> {
        let outcomes: Vec<_> = fresh.iter().filter_map(|fresh| reported(&fresh.result.result)).collect();
        self.record_outcomes(&outcomes).await
    }

    /// What the ledger holds about the messages that were, as is reported, not sent.
    async fn read_ledger(&mut self, fresh: &[Fresh<'_>]) -> Fallible<Ledger> {
        let mut ledger = Ledger::default();
        let unsent = fresh.iter().filter_map(|fresh| unproven(&fresh.result.result.body));
        let unsent: Vec<_> = unsent.map(uuid).collect();
        if unsent.is_empty() {
            return Ok(ledger);
        }
        let query = sqlx::query(
            "SELECT message_id, number, epoch, seq, outcome, ended_at FROM attempts \
             WHERE message_id = ANY($1) AND outcome IS NOT NULL",
        );
        for row in &self.all(query.bind(unsent)).await? {
            let cells = Cells::new("attempts", row);
            let Some((outcome, _)) = read_outcome(cells)? else { continue };
            ledger.add(cells.id("message_id")?, cells.small("number")?, Epoch(cells.number("epoch")?), outcome);
        }
        Ok(ledger)
    }
}

/// The messages that got an id of the provider in a batch.
fn provided<'r>(fresh: &[Fresh<'r>]) -> HashMap<(SenderId, &'r str), MessageId> {
    let provided = fresh.iter().filter_map(|fresh| match &fresh.result.result.body {
        ResultBody::Attempt { message, outcome: Outcome::Sent { provider_id: Some(id) }, .. } => {
            Some(((fresh.result.result.sender, id.as_str()), *message))
        }
        _ => None,
    });
    provided.collect()
}

/// Whether a receipt overtook the outcome, or settles an unknown one: what reached a person was accepted.
const fn proves_acceptance(happened: MessageMove, state: MessageState) -> bool {
    matches!(happened, MessageMove::Deliver | MessageMove::Read)
        && matches!(state, MessageState::Sending | MessageState::Unknown)
}

/// What a result means for a message as it stands.
fn settlement(result: &WorkerResult, held: &Held, ledger: &Ledger) -> Option<Settlement> {
    match &result.body {
        ResultBody::Receipt(Receipt { kind, .. }) => Some(settle_receipt(*kind)),
        _ => ledger.settle(&reported(result)?, held.attempts),
    }
}

/// The outcome that a result reports.
fn reported(result: &WorkerResult) -> Option<AttemptOutcome> {
    let ResultBody::Attempt { message, attempt, epoch, outcome } = &result.body else { return None };
    let (message, attempt, epoch, outcome) = (*message, *attempt, *epoch, outcome.clone());
    Some(AttemptOutcome { message, attempt, epoch, outcome, at: result.at })
}

/// The message that a result says was not, or not provably, sent.
const fn unproven(body: &ResultBody) -> Option<MessageId> {
    match body {
        ResultBody::Attempt { outcome: Outcome::Sent { .. }, .. } => None,
        ResultBody::Attempt { message, .. } => Some(*message),
        _ => None,
    }
}
