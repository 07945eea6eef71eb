//! Intents and outcomes: the ledger of sends.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use paceline_domain::{
    Epoch, Lane, MessageId, MessageMove, MessageState, Outcome, SenderId, SuppressionScope, WorkerId,
};
use paceline_pacing::{Pace, Rule};
use paceline_store::{
    intents::{
        AttemptOutcome, Grant, IntentAnswer, IntentBatch, IntentCandidate, IntentDecision, IntentVerdict, OpenAttempt,
        Refusal, decide,
    },
    leases::Fenced,
    release::{Claim, PutOff},
};

use super::{AttemptRow, Memory, MessageRow, moves::Happening};

impl Memory {
    pub(crate) fn record_intents(&mut self, batch: &IntentBatch) -> Fenced<IntentAnswer> {
        let now = self.now;
        let Some(row) = self.senders.get(&batch.sender).filter(|row| row.holds(batch.epoch, now)) else {
            return Fenced::LeaseLost;
        };
        let mut named = BTreeSet::new();
        let first = |id: MessageId| named.insert(id).then(|| self.candidate(id)).flatten();
        let candidates: Vec<_> = batch.items.iter().map(|&(id, _)| id).map(first).collect();
        let sender = &row.sender;
        let pace = Pace { profile: &batch.profile, zone: sender.zone, seed: sender.seed };
        let (decisions, after) = decide(batch, &candidates, sender.state, pace, &sender.pace);
        let mut items = Vec::with_capacity(batch.items.len());
        let mut granted = false;
        for (&item, &decision) in batch.items.iter().zip(&decisions) {
            let grant = self.carry_out(batch, item, decision);
            granted |= grant.is_some();
            let refusal = decision.refusal().unwrap_or(Refusal::Stale);
            items.push((item.0, grant.map_or(IntentVerdict::Refused(refusal), IntentVerdict::Granted)));
        }
        if let Some(row) = self.senders.get_mut(&batch.sender).filter(|_| granted) {
            row.sender.pace = after.clone();
            row.sender.last_sent_at = Some(batch.now);
        }
        Fenced::Done(IntentAnswer { pace: after, items })
    }

    fn candidate(&self, id: MessageId) -> Option<IntentCandidate> {
        let message = self.messages.get(&id)?;
        let campaign = message.campaign.and_then(|campaign| self.campaigns.get(&campaign));
        let suppression = self.suppressions.get(&message.hash);
        Some(IntentCandidate {
            message: id,
            state: message.state,
            release: message.release_deadline.filter(|at| *at > self.now).map(|_| message.generation),
            sender: message.sender,
            lane: message.lane,
            campaign: campaign.map(|campaign| campaign.state),
            expires_at: message.expires_at,
            suppression: suppression.map(|suppression| (suppression.scope, suppression.reason)),
            attempts: message.attempt(),
        })
    }

    fn carry_out(
        &mut self,
        batch: &IntentBatch,
        (message, generation): (MessageId, paceline_domain::Generation),
        decision: IntentDecision,
    ) -> Option<Grant> {
        match decision {
            IntentDecision::Intend(_) => return self.intend(batch, message),
            IntentDecision::Leave => {}
            IntentDecision::GiveBack(refusal) => {
                let put_off = PutOff { not_before: None, waits_for: waits_for(refusal) };
                self.give_back(&[Claim { message, generation }], put_off);
            }
            IntentDecision::Cancel(_, reason) => {
                self.move_message(message, Happening::new(MessageMove::Cancel, batch.now).because(reason.as_str()));
            }
            IntentDecision::Expire => {
                self.move_message(message, Happening::new(MessageMove::Expire, batch.now));
            }
        }
        None
    }

    fn intend(&mut self, batch: &IntentBatch, id: MessageId) -> Option<Grant> {
        let intended_really_at = self.now;
        if !self.move_message(id, Happening::new(MessageMove::Intend, batch.now)) {
            return None;
        }
        let message = self.messages.get_mut(&id)?;
        message.attempts.push(AttemptRow {
            sender: batch.sender,
            worker: batch.worker,
            epoch: batch.epoch,
            intended_at: batch.now,
            intended_really_at,
            sends: 1,
            outcome: None,
            recorded_at: None,
        });
        Some(Grant {
            attempt: message.attempt(),
            wa_id: message.wa_id.clone(),
            to: message.to.clone(),
            content: message.content.clone(),
        })
    }

    /// The first outcome of an attempt stays, of those who may say so.
    pub(crate) fn record_outcomes(&mut self, outcomes: &[AttemptOutcome]) {
        let now = self.now;
        for AttemptOutcome { message, attempt, epoch, outcome, at } in outcomes {
            let found = self.messages.get_mut(message).and_then(|message| message.find_attempt(*attempt));
            let may_say = |held: &Epoch| held == epoch || matches!(outcome, Outcome::Sent { .. });
            if let Some(attempt) = found.filter(|it| it.outcome.is_none() && may_say(&it.epoch)) {
                attempt.outcome = Some((outcome.clone(), *at));
                attempt.recorded_at = Some(now);
            }
        }
    }

    pub(crate) fn adopt_attempts(
        &mut self,
        sender: SenderId,
        epoch: Epoch,
        worker: WorkerId,
        now: DateTime<Utc>,
    ) -> Fenced<Vec<OpenAttempt>> {
        if !self.senders.get(&sender).is_some_and(|row| row.holds(epoch, self.now)) {
            return Fenced::LeaseLost;
        }
        let real_now = self.now;
        let mut open = Vec::new();
        for message in self.messages.values_mut() {
            if message.state != MessageState::Sending || message.sender != Some(sender) {
                continue;
            }
            let scope = self.suppressions.get(&message.hash).map(|suppression| suppression.scope);
            let forbidden = scope.is_some_and(|scope| scope == SuppressionScope::All || message.lane == Lane::Campaign);
            open.extend(adopt(message, (epoch, worker), forbidden.then_some(now), real_now));
        }
        open.sort_by_key(|(intended_at, open)| (*intended_at, open.message));
        Fenced::Done(open.into_iter().map(|(_, open)| open).collect())
    }
}

/// Takes a message's last attempt over; `lost_at` when it must not be sent again.
fn adopt(
    message: &mut MessageRow,
    (epoch, worker): (Epoch, WorkerId),
    lost_at: Option<DateTime<Utc>>,
    real_now: DateTime<Utc>,
) -> Option<(DateTime<Utc>, OpenAttempt)> {
    let number = message.attempt();
    let (id, wa_id, to, content) = (message.id, message.wa_id.clone(), message.to.clone(), message.content.clone());
    let attempt = message.find_attempt(number)?;
    match (&attempt.outcome, lost_at) {
        (Some(_), _) => {}
        (None, Some(at)) => {
            attempt.outcome = Some((Outcome::Unknown, at));
            attempt.recorded_at = Some(real_now);
        }
        (None, None) => {
            attempt.epoch = epoch;
            attempt.worker = worker;
            attempt.sends += 1;
        }
    }
    let outcome = attempt.outcome.clone();
    let epoch = attempt.epoch;
    Some((attempt.intended_at, OpenAttempt { message: id, attempt: number, epoch, wa_id, to, content, outcome }))
}

/// What a message that is given back waits for.
const fn waits_for(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::CapSpent => Rule::DailyCap.as_str(),
        other => other.as_str(),
    }
}
