//! Intents and outcomes: the ledger of sends.
//!
//! An intent locks what it decides by before it reads it: the sender's row (its epoch, whether it is wanted, its pace and its
//! cap), then the gates of its messages' campaigns and people, then the messages. Whoever pauses a campaign or suppresses a
//! person closes the gate, so an intent either commits before them or sees what they did.

mod adoption;
mod decision;
mod outcomes;

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{CancelReason, Epoch, MessageId, MessageMove, MessageState, SenderId, WorkerId};
use paceline_pacing::{Pace, PaceState, Rule};
use paceline_store::{
    StoreResult,
    intents::{
        AttemptOutcome, IntentAnswer, IntentBatch, IntentDecision, IntentStore, IntentVerdict, OpenAttempt, Refusal,
        decide,
    },
    leases::Fenced,
    release::{Claim, PutOff},
};

use crate::{
    bulk::column,
    counters::Ledger,
    error::Fallible,
    moves::{Happening, Held},
    open::PostgresStore,
    transaction::Tx,
    values::{real_now, uuid, uuids},
};
use decision::{Granted, Wanted};

#[async_trait]
impl IntentStore for PostgresStore {
    async fn record_intents(&self, batch: IntentBatch) -> StoreResult<Fenced<IntentAnswer>> {
        self.write(move |tx| Box::pin(tx.record_intents(batch))).await
    }

    async fn record_outcomes(&self, outcomes: &[AttemptOutcome]) -> StoreResult<()> {
        if outcomes.is_empty() {
            return Ok(());
        }
        let outcomes = outcomes.to_vec();
        self.write(move |tx| Box::pin(async move { tx.record_outcomes(&outcomes).await })).await
    }

    async fn adopt_attempts(
        &self,
        sender: SenderId,
        epoch: Epoch,
        worker: WorkerId,
        now: DateTime<Utc>,
    ) -> StoreResult<Fenced<Vec<OpenAttempt>>> {
        self.write(move |tx| Box::pin(tx.adopt_attempts(sender, epoch, worker, now))).await
    }
}

/// The ledger, the messages' states and the sender's pace in one statement.
const WRITE: &str = concat!(
    "WITH granted AS (SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::integer[]) AS g (seq, id, number)), \
     sending AS (UPDATE messages SET state = 'sending', attempts = g.number, attempted_at = $4, release_deadline = NULL \
        FROM granted g WHERE messages.seq = g.seq), \
     paced AS (UPDATE senders SET pace_next_slot = $5, pace_day = $6, pace_spent = $7, last_sent_at = $4 WHERE id = $8) \
     INSERT INTO attempts (message_id, number, workspace_id, sender_id, worker_id, epoch, intended_at, intended_really_at, \
        profile_version, pace_inputs) \
     SELECT g.id, g.number, $9, $8, $10, $11, $4, ",
    real_now!(),
    ", $12, $13 FROM granted g"
);

impl Tx {
    async fn record_intents(&mut self, batch: IntentBatch) -> Fallible<Fenced<IntentAnswer>> {
        let Some(intender) = self.hold_sender(batch.sender, batch.epoch).await? else {
            return Ok(Fenced::LeaseLost);
        };
        let mut wanted = self.hold_wanted(&batch).await?;
        let candidates: Vec<_> =
            batch.items.iter().map(|(id, _)| wanted.get(id).map(|one| one.candidate.clone())).collect();
        let pace = Pace { profile: &batch.profile, zone: intender.zone, seed: intender.seed };
        let (decisions, after) = decide(&batch, &candidates, intender.state, pace, &intender.pace);

        let mut items = Vec::with_capacity(batch.items.len());
        let mut granted = Vec::new();
        for (&(id, _), decision) in batch.items.iter().zip(&decisions) {
            let verdict = match decision {
                IntentDecision::Intend(attempt) => {
                    let one = wanted.get(&id).ok_or(sqlx::Error::RowNotFound)?;
                    granted.push(Granted { held: one.held.clone(), attempt: *attempt, workspace: intender.workspace });
                    IntentVerdict::Granted(one.grant(*attempt)?)
                }
                other => IntentVerdict::Refused(other.refusal().unwrap_or(Refusal::Stale)),
            };
            items.push((id, verdict));
        }
        self.write_intents(&batch, &granted, &after).await?;
        self.follow_refusals(&batch, &decisions, &mut wanted).await?;
        Ok(Fenced::Done(IntentAnswer { pace: after, items }))
    }

    async fn write_intents(&mut self, batch: &IntentBatch, granted: &[Granted], pace: &PaceState) -> Fallible<()> {
        let Some(Granted { workspace, .. }) = granted.first() else { return Ok(()) };
        let write = sqlx::query(WRITE)
            .bind(column(granted, |one| one.held.seq))
            .bind(uuids(granted.iter().map(|one| one.held.id)))
            .bind(column(granted, |one| one.attempt))
            .bind(batch.now)
            .bind(pace.next_slot)
            .bind(pace.day.map(|day| day.to_string()))
            .bind(i64::from(pace.spent_today))
            .bind(uuid(batch.sender))
            .bind(uuid(*workspace))
            .bind(uuid(batch.worker))
            .bind(batch.epoch.0)
            .bind(i64::from(batch.profile.version))
            .bind(batch.pace_inputs.to_string());
        self.execute(write).await?;
        for Granted { held, .. } in granted {
            let ledger = Ledger::of(held.workspace, held.campaign);
            self.count_moved(ledger, MessageState::Waiting, MessageState::Sending, 1);
        }
        Ok(())
    }

    /// Does what follows from refusals: gives back, cancels, expires.
    async fn follow_refusals(
        &mut self,
        batch: &IntentBatch,
        decisions: &[IntentDecision],
        wanted: &mut HashMap<MessageId, Wanted>,
    ) -> Fallible<()> {
        let mut given_back: BTreeMap<&'static str, Vec<Claim>> = BTreeMap::new();
        let mut cancelled: BTreeMap<CancelReason, Vec<Held>> = BTreeMap::new();
        let mut expired = Vec::new();
        for (&(message, generation), decision) in batch.items.iter().zip(decisions) {
            match decision {
                IntentDecision::Intend(_) | IntentDecision::Leave => {}
                IntentDecision::GiveBack(refusal) => {
                    given_back.entry(waits_for(*refusal)).or_default().push(Claim { message, generation });
                }
                IntentDecision::Cancel(_, reason) => {
                    let held = wanted.remove(&message).map(|one| one.held);
                    cancelled.entry(*reason).or_default().extend(held);
                }
                IntentDecision::Expire => expired.extend(wanted.remove(&message).map(|one| one.held)),
            }
        }
        for (waits_for, claims) in given_back {
            self.give_back(claims, PutOff { not_before: None, waits_for }).await?;
        }
        for (reason, held) in cancelled {
            self.end_waiting(held, ending(MessageMove::Cancel, Some(reason.as_str()), batch.now)).await?;
        }
        if !expired.is_empty() {
            self.end_waiting(expired, ending(MessageMove::Expire, None, batch.now)).await?;
        }
        Ok(())
    }
}

/// What a message that is given back waits for, in the word of the rule where it is one of pacing's.
const fn waits_for(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::CapSpent => Rule::DailyCap.as_str(),
        other => other.as_str(),
    }
}

fn ending(happened: MessageMove, reason: Option<&'static str>, at: DateTime<Utc>) -> Happening {
    Happening { happened, at, reason, not_before: None, place: usize::MAX }
}
