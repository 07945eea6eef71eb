//! Outcomes of attempts, and receipts.

use std::collections::HashMap;

use paceline_domain::{
    AttemptNumber, Epoch, FailureReason, MessageId, MessageMove, MessageState, Outcome, Receipt, ResultBody, SenderId,
    WorkerResult,
};
use paceline_store::{
    intents::AttemptOutcome,
    results::{ApplySummary, Ledger, Settlement, settle_receipt},
};

use super::{Fresh, is_outgoing};
use crate::{
    cells::Cells,
    error::Fallible,
    messages::read_outcome,
    moves::{Happening, Held, Moved, held_columns, read_held},
    transaction::Tx,
    values::{hex, json_blobs},
};

/// The messages that a batch is about, by what names them.
#[derive(Default)]
struct Named {
    messages: HashMap<i64, Moved>,
    by_id: HashMap<MessageId, i64>,
    /// By sender and WhatsApp id, ours or the provider's.
    by_receipt: HashMap<(SenderId, String), i64>,
}

impl Tx {
    /// Applies outcomes and receipts. Answers how many changed something.
    pub(super) async fn apply_outgoing(&mut self, fresh: &[Fresh<'_>], summary: &mut ApplySummary) -> Fallible<u64> {
        if !fresh.iter().any(|fresh| is_outgoing(&fresh.result.result.body)) {
            return Ok(0);
        }
        self.complete_ledger(fresh).await?;
        let mut named = Named::default();
        self.find_by_id(fresh, &mut named).await?;
        self.find_by_receipt(fresh, &mut named).await?;
        let ledger = self.read_ledger(fresh).await?;
        let mut applied = 0;
        for fresh in fresh {
            let result = &fresh.result.result;
            let found = match &result.body {
                ResultBody::Attempt { message, .. } => named.by_id.get(message),
                ResultBody::Receipt(receipt) => named.by_receipt.get(&(result.sender, receipt.id.to_string())),
                _ => None,
            };
            let Some(moved) = found.and_then(|seq| named.messages.get_mut(seq)) else { continue };
            let Some(settlement) = settlement(result, &moved.held, &ledger) else { continue };
            let from = moved.held.state;
            let happening = Happening {
                happened: settlement.happened,
                at: result.at,
                reason: settlement.reason.map(FailureReason::as_str),
                not_before: settlement.not_before,
                place: fresh.place,
            };
            if proves_acceptance(settlement.happened, from) {
                // Whoever reads the events sees every message sent before it is delivered.
                let accepted =
                    Happening { happened: MessageMove::Accept, reason: None, not_before: None, ..happening.clone() };
                self.move_message(moved, &accepted);
            }
            if self.move_message(moved, &happening) {
                summary.count_outgoing(&result.body, from, moved.held.state);
                applied += 1;
            }
        }
        let moved = named.messages.into_values().filter(Moved::has_moved).collect();
        self.write_moved(moved).await?;
        Ok(applied)
    }

    /// The ledger has each outcome before its result is published; one that lacks it, for whatever reason, is completed.
    async fn complete_ledger(&mut self, fresh: &[Fresh<'_>]) -> Fallible<()> {
        let outcomes: Vec<_> = fresh.iter().filter_map(|fresh| reported(&fresh.result.result)).collect();
        if outcomes.is_empty() {
            return Ok(());
        }
        let open = sqlx::query(
            "SELECT a.message_id, a.number FROM json_each(?1) j CROSS JOIN attempts a \
             WHERE a.message_id = unhex(j.value) AND a.outcome IS NULL",
        );
        let open = open.bind(json_blobs(outcomes.iter().map(|outcome| outcome.message.to_bytes())));
        let mut missing = std::collections::HashSet::new();
        for row in &self.all(open).await? {
            let cells = Cells::new("attempts", row);
            let number: AttemptNumber = cells.small("number")?;
            missing.insert((cells.id("message_id")?, number));
        }
        let missing: Vec<_> =
            outcomes.into_iter().filter(|outcome| missing.contains(&(outcome.message, outcome.attempt))).collect();
        self.record_outcomes(&missing).await
    }

    /// What the ledger holds about the messages that were, as is reported, not sent.
    async fn read_ledger(&mut self, fresh: &[Fresh<'_>]) -> Fallible<Ledger> {
        let mut ledger = Ledger::default();
        let unsent = fresh.iter().filter_map(|fresh| unproven(&fresh.result.result.body));
        let unsent: Vec<_> = unsent.map(MessageId::to_bytes).collect();
        if unsent.is_empty() {
            return Ok(ledger);
        }
        let query = sqlx::query(
            "SELECT a.message_id, a.number, a.epoch, a.outcome, a.ended_at FROM json_each(?1) j CROSS JOIN attempts a \
             ON a.message_id = unhex(j.value) WHERE a.outcome IS NOT NULL",
        );
        for row in &self.all(query.bind(json_blobs(unsent))).await? {
            let cells = Cells::new("attempts", row);
            let Some((outcome, _)) = read_outcome(cells)? else { continue };
            ledger.add(cells.id("message_id")?, cells.small("number")?, Epoch(cells.number("epoch")?), outcome);
        }
        Ok(ledger)
    }

    async fn find_by_id(&mut self, fresh: &[Fresh<'_>], named: &mut Named) -> Fallible<()> {
        let ids: Vec<_> = fresh
            .iter()
            .filter_map(|fresh| match &fresh.result.result.body {
                ResultBody::Attempt { message, .. } => Some(message.to_bytes()),
                _ => None,
            })
            .collect();
        if ids.is_empty() {
            return Ok(());
        }
        let query = sqlx::query(concat!(
            "SELECT ",
            held_columns!(),
            " FROM json_each(?1) j CROSS JOIN messages m ON m.id = unhex(j.value)"
        ));
        for row in &self.all(query.bind(json_blobs(ids))).await? {
            let held = read_held(row)?;
            named.by_id.insert(held.id, held.seq);
            named.messages.entry(held.seq).or_insert_with(|| Moved::start(held));
        }
        Ok(())
    }

    async fn find_by_receipt(&mut self, fresh: &[Fresh<'_>], named: &mut Named) -> Fallible<()> {
        const BY_OURS: &str = concat!(
            "SELECT ",
            held_columns!(),
            ", j.value ->> 1 AS receipt FROM json_each(?1) j CROSS JOIN messages m INDEXED BY messages_by_wa_id \
             WHERE m.wa_id = j.value ->> 1 AND m.attempts > 0 AND m.sender_id = unhex(j.value ->> 0)"
        );
        const BY_THE_PROVIDERS: &str = concat!(
            "SELECT ",
            held_columns!(),
            ", j.value ->> 1 AS receipt FROM json_each(?1) j CROSS JOIN attempts a INDEXED BY attempts_by_provider_id \
             CROSS JOIN messages m ON m.id = a.message_id \
             WHERE a.provider_id = j.value ->> 1 AND a.sender_id = unhex(j.value ->> 0) ORDER BY a.seq"
        );
        for text in [BY_OURS, BY_THE_PROVIDERS] {
            let unknown: Vec<_> = fresh
                .iter()
                .filter_map(|fresh| match &fresh.result.result.body {
                    ResultBody::Receipt(receipt) => Some((fresh.result.result.sender, receipt.id.to_string())),
                    _ => None,
                })
                .filter(|key| !named.by_receipt.contains_key(key))
                .map(|(sender, id)| (hex(&sender.to_bytes()), id))
                .collect();
            if unknown.is_empty() {
                return Ok(());
            }
            let rows = self.all(sqlx::query(text).bind(serde_json::json!(unknown).to_string())).await?;
            for row in &rows {
                let held = read_held(row)?;
                let Some(sender) = held.sender else { continue };
                let receipt = Cells::new("messages", row).string("receipt")?;
                named.by_receipt.insert((sender, receipt), held.seq);
                named.messages.entry(held.seq).or_insert_with(|| Moved::start(held));
            }
        }
        Ok(())
    }
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
