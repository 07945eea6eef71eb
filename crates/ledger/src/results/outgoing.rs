//! Outcomes of attempts, and receipts.

use std::collections::{BTreeSet, HashMap};

use paceline_domain::{MessageId, MessageMove, MessageState, Outcome, ResultBody, SenderId, WorkerResult};
use paceline_store::{intents::AttemptOutcome, results::ApplySummary};

use super::{
    Fresh,
    settle::{EndedAttempts, Settlement, settle_receipt},
};
use crate::{
    Fallible,
    intents::outcomes,
    moves::{self, Happening, Reason, WorkingCopy},
    transaction::Tx,
};

/// The messages that a batch is about.
struct Named {
    messages: HashMap<MessageId, WorkingCopy>,
    /// Which of them a receipt means, by its place in the batch.
    by_receipt: HashMap<usize, MessageId>,
    ended: EndedAttempts,
}

/// Applies outcomes and receipts. Answers how many changed something.
pub(super) async fn apply(tx: &mut Tx<'_>, fresh: &[Fresh<'_>], summary: &mut ApplySummary) -> Fallible<u64> {
    if !fresh.iter().any(|fresh| is_outgoing(fresh.body())) {
        return Ok(0);
    }
    let by_receipt = find_by_receipt(tx, fresh).await?;
    let messages = lock_named(tx, fresh, &by_receipt).await?;
    complete_attempts(tx, fresh).await?;
    let ended = list_ended(tx, fresh).await?;
    let mut named = Named { messages, by_receipt, ended };
    let mut applied = 0;
    for fresh in fresh {
        applied += u64::from(apply_one(tx, fresh, &mut named, summary));
    }
    moves::write(tx, named.messages.into_values().collect()).await?;
    Ok(applied)
}

/// Moves the message that an outcome or a receipt is about. `false`: nothing changed.
fn apply_one(tx: &mut Tx<'_>, fresh: &Fresh<'_>, named: &mut Named, summary: &mut ApplySummary) -> bool {
    let result = &fresh.result.result;
    let message = match &result.body {
        ResultBody::Attempt { message, .. } => Some(message),
        ResultBody::Receipt(_) => named.by_receipt.get(&fresh.place),
        ResultBody::Inbound(_) | ResultBody::Session(_) => None,
    };
    let Some(message) = message.and_then(|id| named.messages.get_mut(id)) else { return false };
    let Some(settlement) = settlement(result, message, &named.ended) else { return false };
    let happening = Happening {
        happened: settlement.happened,
        at: result.at,
        reason: settlement.reason.map(Reason::Failed),
        not_before: settlement.not_before,
        place: fresh.place,
    };
    let from = message.state();
    if proves_acceptance(settlement.happened, from) {
        // Whoever reads the events sees every message sent before it is delivered.
        let accepted = Happening { happened: MessageMove::Accept, reason: None, not_before: None, ..happening };
        moves::move_message(tx, message, &accepted);
    }
    let has_moved = moves::move_message(tx, message, &happening);
    if has_moved {
        summary.count_outgoing(&result.body, from, message.state());
    }
    has_moved
}

/// The messages that receipts name, by place: by our own id, or else by that of the provider.
async fn find_by_receipt(tx: &mut Tx<'_>, fresh: &[Fresh<'_>]) -> Fallible<HashMap<usize, MessageId>> {
    let receipts = fresh.iter().filter_map(|fresh| match fresh.body() {
        ResultBody::Receipt(receipt) => Some((fresh.place, (fresh.reporter.sender, receipt.id.as_str()))),
        _ => None,
    });
    let (places, receipts): (Vec<usize>, Vec<(SenderId, &str)>) = receipts.unzip();
    if receipts.is_empty() {
        return Ok(HashMap::new());
    }
    let found = tx.rows.find_by_receipt(&receipts).await?;
    // A provider's id that comes with this very batch need not be at its attempt yet.
    let provided = provided(fresh);
    let named = places.into_iter().zip(receipts).zip(found);
    let named = named.filter_map(|((place, receipt), found)| {
        found.or_else(|| provided.get(&receipt).copied()).map(|message| (place, message))
    });
    Ok(named.collect())
}

/// The messages that got an id of the provider in a batch.
fn provided<'r>(fresh: &[Fresh<'r>]) -> HashMap<(SenderId, &'r str), MessageId> {
    let provided = fresh.iter().filter_map(|fresh| match fresh.body() {
        ResultBody::Attempt { message, outcome: Outcome::Sent { provider_id: Some(id) }, .. } => {
            Some(((fresh.reporter.sender, id.as_str()), *message))
        }
        _ => None,
    });
    provided.collect()
}

/// Locks all messages that the batch is about, as they then are.
async fn lock_named(
    tx: &mut Tx<'_>,
    fresh: &[Fresh<'_>],
    by_receipt: &HashMap<usize, MessageId>,
) -> Fallible<HashMap<MessageId, WorkingCopy>> {
    let of_attempts = fresh.iter().filter_map(|fresh| match fresh.body() {
        ResultBody::Attempt { message, .. } => Some(*message),
        _ => None,
    });
    let ids: BTreeSet<MessageId> = of_attempts.chain(by_receipt.values().copied()).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let messages = tx.rows.lock_messages(&ids.into_iter().collect::<Vec<_>>()).await?;
    Ok(messages.into_iter().map(|message| (message.id, WorkingCopy::of(message))).collect())
}

/// An attempt has its outcome before its result is published; one that lacks it, for whatever reason, is completed.
async fn complete_attempts(tx: &mut Tx<'_>, fresh: &[Fresh<'_>]) -> Fallible<()> {
    let reported: Vec<AttemptOutcome> = fresh.iter().filter_map(|fresh| reported(&fresh.result.result)).collect();
    outcomes::record(tx, &reported).await
}

/// The ended attempts of the messages that were, as is reported, not or not provably sent.
async fn list_ended(tx: &mut Tx<'_>, fresh: &[Fresh<'_>]) -> Fallible<EndedAttempts> {
    let unproven = fresh.iter().filter_map(|fresh| match fresh.body() {
        ResultBody::Attempt { outcome: Outcome::Sent { .. }, .. } => None,
        ResultBody::Attempt { message, .. } => Some(*message),
        _ => None,
    });
    let unproven: BTreeSet<MessageId> = unproven.collect();
    if unproven.is_empty() {
        return Ok(EndedAttempts::default());
    }
    let ended = tx.rows.list_ended_attempts(&unproven.into_iter().collect::<Vec<_>>()).await?;
    Ok(EndedAttempts::from(ended))
}

/// Whether a result is about a message that we sent.
const fn is_outgoing(body: &ResultBody) -> bool {
    matches!(body, ResultBody::Attempt { .. } | ResultBody::Receipt(_))
}

/// Whether a receipt overtook the outcome, or settles an unknown one: what reached a person was accepted.
const fn proves_acceptance(happened: MessageMove, state: MessageState) -> bool {
    matches!(happened, MessageMove::Deliver | MessageMove::Read)
        && matches!(state, MessageState::Sending | MessageState::Unknown)
}

/// What a result means for a message as it stands.
fn settlement(result: &WorkerResult, message: &WorkingCopy, ended: &EndedAttempts) -> Option<Settlement> {
    match &result.body {
        // A receipt means a message of its own sender, not one that was given to another meanwhile.
        ResultBody::Receipt(receipt) if message.sender() == Some(result.sender) => Some(settle_receipt(receipt.kind)),
        ResultBody::Receipt(_) => None,
        _ => ended.settle(&reported(result)?, message.row().attempts),
    }
}

/// The outcome that a result reports.
fn reported(result: &WorkerResult) -> Option<AttemptOutcome> {
    let ResultBody::Attempt { message, attempt, epoch, outcome } = &result.body else { return None };
    let (message, attempt, epoch, outcome) = (*message, *attempt, *epoch, outcome.clone());
    Some(AttemptOutcome { message, attempt, epoch, outcome, at: result.at })
}
