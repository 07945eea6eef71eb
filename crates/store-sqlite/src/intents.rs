//! Intents and outcomes: the ledger of sends.

use std::collections::{BTreeMap, HashMap, HashSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{
    Address, AttemptNumber, CampaignState, CancelReason, Content, Epoch, Generation, Lane, MessageId, MessageMove,
    MessageState, Outcome, SenderId, SenderState, SuppressionScope, WaId, WorkerId, WorkspaceId,
};
use paceline_pacing::{Pace, PaceState, Rule, Seed};
use paceline_store::{
    StoreResult,
    intents::{
        AttemptOutcome, Grant, IntentAnswer, IntentBatch, IntentCandidate, IntentDecision, IntentStore, IntentVerdict,
        OpenAttempt, Refusal, decide,
    },
    leases::Fenced,
    release::{Claim, PutOff},
};

use crate::{
    bulk::Bulk,
    cells::Cells,
    counters::Ledger,
    error::Fallible,
    messages::read_outcome,
    moves::{Happening, Held, held_columns, read_held},
    open::SqliteStore,
    senders::read_pace,
    transaction::Tx,
    values::{blob, json_blobs, json_numbers, micros, opt_micros, real_now},
};

#[async_trait]
impl IntentStore for SqliteStore {
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

const WRITE_ATTEMPTS: Bulk = Bulk {
    head: "INSERT INTO attempts (message_id, number, workspace_id, sender_id, worker_id, epoch, intended_at, \
           intended_really_at, profile_version, pace_inputs) VALUES",
    row: concat!("(?, ?, ?1, ?2, ?3, ?4, ?5, ", real_now!(), ", ?6, ?7)"),
    tail: "",
};

const WRITE_OUTCOMES: Bulk = Bulk {
    head: "WITH v (message_id, number, epoch, sent, outcome, ended_at, provider_id) AS (VALUES",
    row: "(?, ?, ?, ?, ?, ?, ?)",
    tail: concat!(
        ") UPDATE attempts SET outcome = v.outcome, ended_at = v.ended_at, provider_id = v.provider_id, recorded_at = ",
        real_now!(),
        " FROM v WHERE attempts.message_id = v.message_id AND attempts.number = v.number AND attempts.outcome IS NULL \
            AND (v.sent OR attempts.epoch = v.epoch)"
    ),
};

/// The sender of an intent, as far as the decision needs it.
struct Intender {
    workspace: WorkspaceId,
    zone: chrono_tz::Tz,
    seed: Seed,
    state: SenderState,
    pace: PaceState,
}

/// What is read about a message before an intent.
struct Wanted {
    held: Held,
    candidate: IntentCandidate,
    wa_id: WaId,
    content: String,
}

impl Tx {
    async fn record_intents(&mut self, batch: IntentBatch) -> Fallible<Fenced<IntentAnswer>> {
        let Some(intender) = self.find_intender(batch.sender, batch.epoch).await? else {
            return Ok(Fenced::LeaseLost);
        };
        let mut wanted = self.find_wanted(&batch).await?;
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
                    granted.push((one.held.clone(), *attempt));
                    IntentVerdict::Granted(one.grant(*attempt)?)
                }
                other => IntentVerdict::Refused(other.refusal().unwrap_or(Refusal::Stale)),
            };
            items.push((id, verdict));
        }
        self.write_intents(&batch, intender.workspace, &granted).await?;
        self.follow_refusals(&batch, &decisions, &mut wanted).await?;
        if !granted.is_empty() {
            self.write_pace(batch.sender, &after, batch.now).await?;
        }
        Ok(Fenced::Done(IntentAnswer { pace: after, items }))
    }

    async fn find_intender(&mut self, sender: SenderId, epoch: Epoch) -> Fallible<Option<Intender>> {
        let query = sqlx::query(concat!(
            "SELECT id, workspace_id, zone, seed, state, pace_next_slot, pace_day, pace_spent FROM senders \
             WHERE id = ?1 AND lease_epoch = ?2 AND lease_expires_at > ",
            real_now!()
        ));
        let Some(row) = self.one(query.bind(blob(sender)).bind(epoch.0)).await? else { return Ok(None) };
        let cells = Cells::new("senders", &row);
        Ok(Some(Intender {
            workspace: cells.id("workspace_id")?,
            zone: cells.text("zone")?.parse().map_err(|_| cells.corrupt("zone"))?,
            seed: Seed(cells.number("seed")?),
            state: cells.word("state")?,
            pace: read_pace(cells)?,
        }))
    }

    async fn find_wanted(&mut self, batch: &IntentBatch) -> Fallible<HashMap<MessageId, Wanted>> {
        let query = sqlx::query(concat!(
            "SELECT ",
            held_columns!(),
            ", m.sender_id AS bound_to, m.lane, m.expires_at, m.wa_id, t.content, iif(m.release_deadline > ",
            real_now!(),
            ", m.release_generation, NULL) AS release, c.state AS campaign_state, s.scope, s.reason AS suppressed_for \
             FROM json_each(?1) j CROSS JOIN messages m ON m.id = unhex(j.value) \
             LEFT JOIN message_contents t ON t.message_seq = m.seq LEFT JOIN campaigns c ON c.id = m.campaign_id \
             LEFT JOIN suppressions s ON s.workspace_id = m.workspace_id AND s.hash = m.hash"
        ));
        let query = query.bind(json_blobs(batch.items.iter().map(|(id, _)| id.to_bytes())));
        let mut wanted = HashMap::new();
        for row in &self.all(query).await? {
            let cells = Cells::new("messages", row);
            let held = read_held(row)?;
            let suppression = match cells.opt_word("scope")? {
                None => None,
                Some(scope) => Some((scope, cells.word("suppressed_for")?)),
            };
            let candidate = IntentCandidate {
                message: held.id,
                state: held.state,
                release: cells.opt_number("release")?.and_then(|number| i32::try_from(number).ok()).map(Generation),
                sender: cells.opt_id("bound_to")?,
                lane: cells.word("lane")?,
                campaign: cells.opt_word::<CampaignState>("campaign_state")?,
                expires_at: cells.opt_time("expires_at")?,
                suppression,
                attempts: held.attempts,
            };
            let (wa_id, content) = (cells.wa_id("wa_id")?, cells.string("content")?);
            wanted.insert(held.id, Wanted { held, candidate, wa_id, content });
        }
        Ok(wanted)
    }

    async fn write_intents(
        &mut self,
        batch: &IntentBatch,
        workspace: WorkspaceId,
        granted: &[(Held, AttemptNumber)],
    ) -> Fallible<()> {
        if granted.is_empty() {
            return Ok(());
        }
        let inputs = batch.pace_inputs.to_string();
        WRITE_ATTEMPTS
            .run(
                self,
                granted,
                |values| {
                    values.add(blob(workspace)).add(blob(batch.sender)).add(blob(batch.worker)).add(batch.epoch.0);
                    values.add(micros(batch.now)).add(batch.profile.version).add(inputs.as_str());
                },
                |values, (held, attempt)| {
                    values.add(blob(held.id)).add(*attempt);
                },
            )
            .await?;
        let sending = sqlx::query(
            "UPDATE messages SET state = 'sending', attempts = attempts + 1, attempted_at = ?2, release_deadline = NULL \
             WHERE seq IN (SELECT value FROM json_each(?1))",
        );
        let numbers = json_numbers(granted.iter().map(|(held, _)| held.seq));
        self.execute(sending.bind(numbers).bind(micros(batch.now))).await?;
        for (held, _) in granted {
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
        self.end_waiting(expired, ending(MessageMove::Expire, None, batch.now)).await?;
        Ok(())
    }

    async fn write_pace(&mut self, sender: SenderId, pace: &PaceState, now: DateTime<Utc>) -> Fallible<()> {
        let update = sqlx::query(
            "UPDATE senders SET pace_next_slot = ?2, pace_day = ?3, pace_spent = ?4, last_sent_at = ?5 WHERE id = ?1",
        );
        let update = update
            .bind(blob(sender))
            .bind(opt_micros(pace.next_slot))
            .bind(pace.day.map(|day| day.to_string()))
            .bind(pace.spent_today)
            .bind(micros(now));
        self.execute(update).await?;
        Ok(())
    }

    /// Writes outcomes to attempts that have none, of those who may say so.
    pub(crate) async fn record_outcomes(&mut self, outcomes: &[AttemptOutcome]) -> Fallible<()> {
        WRITE_OUTCOMES
            .run(
                self,
                outcomes,
                |_| {},
                |values, outcome| {
                    let (sent, provider_id) = match &outcome.outcome {
                        Outcome::Sent { provider_id } => (true, provider_id.as_deref()),
                        _ => (false, None),
                    };
                    values.add(blob(outcome.message)).add(outcome.attempt).add(outcome.epoch.0).add(sent);
                    values.add(serde_json::to_string(&outcome.outcome).unwrap_or_default());
                    values.add(micros(outcome.at)).add(provider_id);
                },
            )
            .await?;
        Ok(())
    }

    async fn adopt_attempts(
        &mut self,
        sender: SenderId,
        epoch: Epoch,
        worker: WorkerId,
        now: DateTime<Utc>,
    ) -> Fallible<Fenced<Vec<OpenAttempt>>> {
        if !self.holds_lease(sender, epoch).await? {
            return Ok(Fenced::LeaseLost);
        }
        let (mut open, orphans, forbidden) = self.find_open(sender, epoch).await?;
        let adopt = sqlx::query(
            "UPDATE attempts SET epoch = ?2, worker_id = ?3, sends = sends + 1 \
             WHERE seq IN (SELECT value FROM json_each(?1)) AND outcome IS NULL",
        );
        if !orphans.is_empty() {
            self.execute(adopt.bind(json_numbers(orphans)).bind(epoch.0).bind(blob(worker))).await?;
        }
        let lost = |open: &OpenAttempt| AttemptOutcome {
            message: open.message,
            attempt: open.attempt,
            epoch: open.epoch,
            outcome: Outcome::Unknown,
            at: now,
        };
        let lost: Vec<_> = open.iter().filter(|open| forbidden.contains(&open.message)).map(lost).collect();
        self.record_outcomes(&lost).await?;
        for attempt in open.iter_mut().filter(|open| forbidden.contains(&open.message)) {
            attempt.outcome = Some((Outcome::Unknown, now));
        }
        Ok(Fenced::Done(open))
    }

    /// The sender's open attempts; the rows of those without outcome that may be sent again; the messages of those
    /// that may not, because their recipient was suppressed since.
    async fn find_open(
        &mut self,
        sender: SenderId,
        holder: Epoch,
    ) -> Fallible<(Vec<OpenAttempt>, Vec<i64>, HashSet<MessageId>)> {
        let query = sqlx::query(
            "SELECT m.id, m.lane, m.phone, m.business_scoped_id, m.linked_id, m.wa_id, t.content, \
                a.seq, a.number, a.epoch, a.outcome, a.ended_at, s.scope \
             FROM messages m INDEXED BY messages_sending \
             CROSS JOIN attempts a ON a.message_id = m.id AND a.number = m.attempts \
             LEFT JOIN message_contents t ON t.message_seq = m.seq \
             LEFT JOIN suppressions s ON s.workspace_id = m.workspace_id AND s.hash = m.hash \
             WHERE m.sender_id = ?1 AND m.state = 'sending' ORDER BY a.seq",
        );
        let (mut open, mut orphans, mut forbidden) = (Vec::new(), Vec::new(), HashSet::new());
        for row in &self.all(query.bind(blob(sender))).await? {
            let cells = Cells::new("attempts", row);
            let message = cells.id("id")?;
            let (outcome, lane) = (read_outcome(cells)?, cells.word::<Lane>("lane")?);
            let scope = cells.opt_word::<SuppressionScope>("scope")?;
            let forbids = scope.is_some_and(|scope| scope == SuppressionScope::All || lane == Lane::Campaign);
            let mut epoch = Epoch(cells.number("epoch")?);
            if outcome.is_none() && forbids {
                forbidden.insert(message);
            } else if outcome.is_none() {
                orphans.push(cells.number("seq")?);
                epoch = holder;
            }
            let to: Address = cells.address()?;
            let content: Content = cells.json("content")?;
            let (attempt, wa_id) = (cells.small("number")?, cells.wa_id("wa_id")?);
            open.push(OpenAttempt { message, attempt, epoch, wa_id, to, content, outcome });
        }
        Ok((open, orphans, forbidden))
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

impl Wanted {
    fn grant(&self, attempt: AttemptNumber) -> Fallible<Grant> {
        let corrupt = |_| paceline_store::StoreError::Corrupt {
            table: "messages",
            column: "content",
            row: self.held.id.to_string(),
        };
        let content = serde_json::from_str(&self.content).map_err(corrupt)?;
        Ok(Grant { attempt, wa_id: self.wa_id.clone(), to: self.held.to.clone(), content })
    }
}
