//! Intents and outcomes: the ledger of sends.
//!
//! An intent locks what it decides by before it reads it: the sender's row (its epoch, whether it is wanted, its pace and its
//! cap), then the gates of its messages' campaigns and people, then the messages. Whoever pauses a campaign or suppresses a
//! person closes the gate, so an intent either commits before them or sees what they did.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{AttemptNumber, CancelReason, Content, Epoch, MessageId, SenderId, WorkerId};
use paceline_pacing::{Pace, PaceState, Rule};
use paceline_store::{
    StoreError, StoreResult,
    intents::{AttemptOutcome, Grant, IntentAnswer, IntentBatch, IntentStore, IntentVerdict, OpenAttempt, Refusal},
    leases::Fenced,
    release::{Claim, PutOff},
};

use crate::{
    Database, Fallible, Ledger, leases,
    locks::Locked,
    moves::{self, Happening},
    rows::{IntentWrites, MessageRow, SenderRow, WantedRow},
    transaction::Tx,
    waiting,
};

mod adoption;
mod decide;
pub(crate) mod outcomes;

pub use decide::{IntentCandidate, IntentDecision, decide};

#[async_trait]
impl<D: Database> IntentStore for Ledger<D> {
    async fn record_intents(&self, batch: IntentBatch) -> StoreResult<Fenced<IntentAnswer>> {
        self.write(move |tx| Box::pin(async move { record(tx, &batch).await })).await
    }

    async fn record_outcomes(&self, outcomes: &[AttemptOutcome]) -> StoreResult<()> {
        if outcomes.is_empty() {
            return Ok(());
        }
        let outcomes = outcomes.to_vec();
        self.write(move |tx| Box::pin(async move { outcomes::record(tx, &outcomes).await })).await
    }

    async fn adopt_attempts(
        &self,
        sender: SenderId,
        epoch: Epoch,
        worker: WorkerId,
        now: DateTime<Utc>,
    ) -> StoreResult<Fenced<Vec<OpenAttempt>>> {
        self.write(move |tx| Box::pin(adoption::adopt(tx, sender, (epoch, worker), now))).await
    }
}

async fn record(tx: &mut Tx<'_>, batch: &IntentBatch) -> Fallible<Fenced<IntentAnswer>> {
    let Some(sender) = leases::lock_held(tx, batch.sender, batch.epoch).await? else {
        return Ok(Fenced::LeaseLost);
    };
    let mut wanted = lock_wanted(tx, batch).await?;
    let candidates: Vec<_> = batch.items.iter().map(|(id, _)| wanted.get(id).map(candidate)).collect();
    let pace = Pace { profile: &batch.profile, zone: sender.zone, seed: sender.seed };
    let (decisions, after) = decide(batch, &candidates, sender.state, pace, &sender.pace);

    let mut items = Vec::with_capacity(batch.items.len());
    let mut granted = Vec::new();
    for (&(id, _), decision) in batch.items.iter().zip(&decisions) {
        let verdict = match (decision, wanted.get(&id)) {
            (IntentDecision::Intend(attempt), Some(wanted)) => {
                granted.push((&wanted.message, *attempt));
                IntentVerdict::Granted(grant(wanted, *attempt)?)
            }
            (other, _) => IntentVerdict::Refused(other.refusal().unwrap_or(Refusal::Stale)),
        };
        items.push((id, verdict));
    }
    write(tx, batch, (&sender, &after), &granted).await?;
    follow_refusals(tx, batch, &decisions, &mut wanted).await?;
    Ok(Fenced::Done(IntentAnswer { pace: after, items }))
}

/// Passes the gates of an intent's messages and locks them, reading with them what was decided about their campaigns and
/// recipients until then.
async fn lock_wanted(tx: &mut Tx<'_>, batch: &IntentBatch) -> Fallible<HashMap<MessageId, WantedRow>> {
    let ids: BTreeSet<MessageId> = batch.items.iter().map(|(id, _)| *id).collect();
    let ids: Vec<MessageId> = ids.into_iter().collect();
    tx.rows.pass_gates_of(&ids).await?;
    let wanted = tx.rows.lock_wanted(&ids).await?;
    Ok(wanted.into_iter().map(|wanted| (wanted.message.id, wanted)).collect())
}

/// Writes what is granted, all at once.
async fn write(
    tx: &mut Tx<'_>,
    batch: &IntentBatch,
    (sender, pace): (&Locked<SenderRow>, &PaceState),
    granted: &[(&Locked<MessageRow>, AttemptNumber)],
) -> Fallible<()> {
    if granted.is_empty() {
        return Ok(());
    }
    let intents = IntentWrites {
        sender,
        pace,
        granted,
        worker: batch.worker,
        epoch: batch.epoch,
        now: batch.now,
        profile_version: batch.profile.version,
        pace_inputs: &batch.pace_inputs.to_string(),
    };
    tx.rows.add_intents(&intents).await?;
    moves::count_intended(tx, granted.iter().map(|(message, _)| *message));
    Ok(())
}

/// Does what follows from refusals: gives back, cancels, expires.
async fn follow_refusals(
    tx: &mut Tx<'_>,
    batch: &IntentBatch,
    decisions: &[IntentDecision],
    wanted: &mut HashMap<MessageId, WantedRow>,
) -> Fallible<()> {
    let mut given_back: BTreeMap<&'static str, Vec<Claim>> = BTreeMap::new();
    let mut cancelled: BTreeMap<CancelReason, Vec<Locked<MessageRow>>> = BTreeMap::new();
    let mut expired = Vec::new();
    for (&(message, generation), decision) in batch.items.iter().zip(decisions) {
        match decision {
            IntentDecision::Intend(_) | IntentDecision::Leave => {}
            IntentDecision::GiveBack(refusal) => {
                given_back.entry(waits_for(*refusal)).or_default().push(Claim { message, generation });
            }
            IntentDecision::Cancel(_, reason) => {
                let message = wanted.remove(&message).map(|wanted| wanted.message);
                cancelled.entry(*reason).or_default().extend(message);
            }
            IntentDecision::Expire => expired.extend(wanted.remove(&message).map(|wanted| wanted.message)),
        }
    }
    for (waits_for, claims) in given_back {
        waiting::give_back(tx, &claims, PutOff { not_before: None, waits_for }).await?;
    }
    for (reason, messages) in cancelled {
        moves::end_waiting(tx, messages, Happening::cancel(reason, batch.now)).await?;
    }
    moves::end_waiting(tx, expired, Happening::expire(batch.now)).await?;
    Ok(())
}

/// What a message that is given back waits for, in the word of the rule where it is one of pacing's.
const fn waits_for(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::CapSpent => Rule::DailyCap.as_str(),
        other => other.as_str(),
    }
}

fn candidate(wanted: &WantedRow) -> IntentCandidate {
    IntentCandidate {
        message: wanted.message.id,
        state: wanted.message.state,
        release: wanted.release,
        sender: wanted.message.sender,
        lane: wanted.lane,
        campaign: wanted.campaign,
        expires_at: wanted.expires_at,
        suppression: wanted.suppression,
        attempts: wanted.message.attempts,
    }
}

fn grant(wanted: &WantedRow, attempt: AttemptNumber) -> Fallible<Grant> {
    let content = read_content(wanted.message.id, &wanted.content)?;
    Ok(Grant { attempt, wa_id: wanted.wa_id.clone(), to: wanted.message.to.clone(), content })
}

/// What a message says.
fn read_content(message: MessageId, content: &str) -> Fallible<Content> {
    let corrupt = |_| StoreError::Corrupt { table: "messages", column: "content", row: message.to_string() };
    Ok(serde_json::from_str(content).map_err(corrupt)?)
}
