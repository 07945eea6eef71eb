//! A paced sender: one message at a time, by lane, each at its slot with the typing indicator before it.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use paceline_channel::TypingState;
use paceline_domain::MessageId;
use paceline_pacing::Slot;
use paceline_store::{
    intents::{IntentVerdict, Refusal},
    leases::Fenced,
    release::PutOff,
};
use tokio::time::timeout;

use crate::meters::HoldUpMeter;
use crate::send::{
    attempts::Attempts,
    backlog::Item,
    intake::Intake,
    link::Link,
    pace::Plan,
    sleep::{sleep_until, sleep_until_instant},
    transmit::{Doubt, Parcel},
    turn::Turn,
};

/// How long the typing indicator may hold a message up; it is of no consequence to the send.
const TYPING_WITHIN: Duration = Duration::from_secs(2);

/// A paced sender at work on one session with one consumer.
pub(crate) struct Paced<'a> {
    attempts: &'a mut Attempts,
    link: &'a mut Link,
    intake: &'a mut Intake,
    /// The slot that was found for the message that goes first. Kept while that message stays first, so that waking up late does
    /// not move its slot.
    planned: Option<(MessageId, Slot)>,
    held_up: HoldUpMeter,
}

impl<'a> Paced<'a> {
    /// Nothing is planned yet.
    pub(crate) fn new(attempts: &'a mut Attempts, link: &'a mut Link, intake: &'a mut Intake) -> Self {
        let held_up = attempts.context.meters.hold_up();
        Self { attempts, link, intake, planned: None, held_up }
    }

    /// Sends what comes, until something else is to be done.
    pub(crate) async fn work(mut self) -> Turn {
        loop {
            if let Err(turn) = self.step().await {
                return turn;
            }
        }
    }

    async fn step(&mut self) -> Result<(), Turn> {
        self.attempts.interruption(self.link)?;
        self.intake.pull().await?;
        self.intake.put_off_old("gap").await;
        let first = self.intake.backlog.first().map(|item| (item.job.message, item.job.chars));
        let Some((message, chars)) = first.filter(|_| self.attempts.may_begin()) else {
            self.held_up.set(None);
            return self.idle(None).await;
        };
        let now = self.attempts.context.clock.now();
        let plan = self.plan(message, chars, now);
        self.held_up.set(Some(plan.rule()));
        match plan {
            Plan::PutOff { not_before, waits_for } => {
                self.intake.put_off_all(PutOff { not_before, waits_for }).await;
                Ok(())
            }
            Plan::Wait { until, .. } => self.idle(Some(until)).await,
            Plan::Send(slot) if slot.typing_from > now => self.idle(Some(slot.typing_from)).await,
            Plan::Send(slot) => {
                self.planned = None;
                let Some(item) = self.intake.backlog.pop() else { return Ok(()) };
                if self.can_hold(&item, slot.at, now) {
                    return self.send_at(item, slot).await;
                }
                self.intake.put_off(vec![item], PutOff { not_before: None, waits_for: slot.rule.as_str() }).await;
                Ok(())
            }
        }
    }

    fn plan(&mut self, message: MessageId, chars: u32, now: DateTime<Utc>) -> Plan {
        if let Some((planned, slot)) = self.planned
            && planned == message
            && slot.at > now
        {
            return Plan::Send(slot);
        }
        let plan = self.attempts.pace.plan(chars, now);
        self.planned = match plan {
            Plan::Send(slot) => Some((message, slot)),
            Plan::Wait { .. } | Plan::PutOff { .. } => None,
        };
        plan
    }

    /// Whether a job that is taken up now would be answered within the time that it may be held.
    fn can_hold(&self, item: &Item, until: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        let context = &self.attempts.context;
        let held = item.received_at.elapsed();
        held.saturating_add(context.real_time_until(until, now)) <= context.options.max_hold
    }

    /// Waits until there may be something to do: a job, the time given, or a change of lease, session, gate or profile.
    async fn idle(&mut self, until: Option<DateTime<Utc>>) -> Result<(), Turn> {
        let clock = Arc::clone(&self.attempts.context.clock);
        let (put_off_at, look_at) = (self.intake.put_off_at(), self.intake.look_for_lost_at());
        tokio::select! {
            biased;
            changed = self.link.changed() => changed,
            taken = self.intake.next() => taken,
            () = sleep_until(clock.as_ref(), until) => Ok(()),
            () = sleep_until_instant(put_off_at) => Ok(()),
            () = sleep_until_instant(look_at) => self.intake.reclaim_lost().await,
        }
    }

    /// Types up to the slot, and sends.
    async fn send_at(&mut self, item: Item, slot: Slot) -> Result<(), Turn> {
        if slot.at > slot.typing_from {
            let typing = self.link.session().show_typing(&item.job.to, TypingState::Composing);
            let _ = timeout(TYPING_WITHIN, typing).await;
        }
        let mut reached = self.reach(slot.at).await;
        while reached.is_ok()
            && let Err(at) = self.attempts.pace.ceiling().check(1)
        {
            self.attempts.context.meters.ceiling_refusals.inc();
            tracing::warn!(sender.id = %self.attempts.lease.id, "the ceiling refused a slot that the pacer gave");
            reached = self.reach(at).await;
        }
        if reached.is_err() || !self.attempts.may_begin() {
            self.intake.backlog.put_back(item);
            return reached;
        }
        self.send_now(item, slot).await
    }

    /// Waits for a campaign time, unless the lease or the session ends before.
    async fn reach(&mut self, at: DateTime<Utc>) -> Result<(), Turn> {
        tokio::select! {
            biased;
            over = self.link.ended() => Err(over),
            () = self.attempts.context.clock.sleep_until(at) => Ok(()),
        }
    }

    /// Intent, send, outcome. Nothing in here is broken off half-way.
    async fn send_now(&mut self, item: Item, slot: Slot) -> Result<(), Turn> {
        let now = self.attempts.context.clock.now();
        let inputs = self.attempts.pace.inputs(Some(slot), Some(item.job.chars), now);
        let intent = self.attempts.intent(vec![(item.job.message, item.job.generation)], now, inputs);
        let answer = match self.attempts.context.store.record_intents(intent).await {
            Ok(Fenced::Done(answer)) => answer,
            Ok(Fenced::LeaseLost) => return Err(self.attempts.lease_lost("intent")),
            Err(error) if error.is_transient() => {
                self.intake.backlog.put_back(item);
                return Err(self.attempts.intent_failed(&error).await);
            }
            Err(error) => {
                // Its claim runs out in the store, and the message is released again.
                item.ticket.settle().await;
                return Err(self.attempts.intent_failed(&error).await);
            }
        };
        self.attempts.pace.spend(answer.pace);
        let verdict = answer.items.into_iter().next().map(|(_, verdict)| verdict);
        match verdict.unwrap_or(IntentVerdict::Refused(Refusal::Stale)) {
            IntentVerdict::Refused(refusal) => {
                self.attempts.refused(refusal, &item.ticket).await;
                Ok(())
            }
            IntentVerdict::Granted(grant) => {
                self.attempts.granted(&item, now);
                let parcel = Parcel::granted(item.job.message, grant);
                let transmission = self.link.transmitter().transmit(&parcel, Doubt::None).await;
                self.attempts.conclude(&parcel, Some(item.ticket), transmission).await
            }
        }
    }
}
