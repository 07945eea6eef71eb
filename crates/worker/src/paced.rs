//! A paced sender: one message at a time, by lane, each at its slot with the typing indicator before it.

use std::time::Duration;

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

use crate::{
    actor::{Actor, Link, Turn},
    backlog::Item,
    connection::SessionStatus,
    intake::Intake,
    intent::Plan,
    lease::Standing,
    transmit::{Doubt, Parcel},
};

/// How long the typing indicator may hold a message up; it is of no consequence to the send.
const TYPING_WITHIN: Duration = Duration::from_secs(2);

/// The slot that was found for the message that goes first. Kept while that message stays first, so that waking up late does not
/// move its slot.
type Planned = Option<(MessageId, Slot)>;

impl Actor {
    /// Sends what comes, until something else is to be done.
    pub(crate) async fn work_paced(&mut self, link: &mut Link, intake: &mut Intake) -> Turn {
        let mut planned = None;
        loop {
            if let Err(turn) = self.step_paced(link, intake, &mut planned).await {
                return turn;
            }
        }
    }

    async fn step_paced(&mut self, link: &mut Link, intake: &mut Intake, planned: &mut Planned) -> Result<(), Turn> {
        self.interruption(link)?;
        intake.pull().await.map_err(|_| Turn::ConsumerEnded)?;
        if self.context.gate.is_open() {
            self.put_off_old(intake, "gap").await;
        }
        let Some(first) = intake.backlog.first().filter(|_| self.may_begin()) else {
            return self.idle(link, intake, None).await;
        };
        let now = self.context.clock.now();
        match self.plan_first(first, planned, now) {
            Plan::PutOff { not_before, waits_for } => {
                let items = intake.backlog.take_all();
                self.put_off(items, PutOff { not_before, waits_for }).await;
                Ok(())
            }
            Plan::Wait(until) => self.idle(link, intake, Some(until)).await,
            Plan::Send(slot) if slot.typing_from > now => self.idle(link, intake, Some(slot.typing_from)).await,
            Plan::Send(slot) => {
                *planned = None;
                let Some(item) = intake.backlog.pop() else { return Ok(()) };
                if self.can_hold(&item, slot.at, now) {
                    return self.send_at(link, intake, item, slot).await;
                }
                self.put_off(vec![item], PutOff { not_before: None, waits_for: slot.rule.as_str() }).await;
                Ok(())
            }
        }
    }

    fn plan_first(&self, first: &Item, planned: &mut Planned, now: DateTime<Utc>) -> Plan {
        if let Some((message, slot)) = *planned
            && message == first.job.message
            && slot.at > now
        {
            return Plan::Send(slot);
        }
        let plan = self.plan(first.job.chars, now);
        *planned = match plan {
            Plan::Send(slot) => Some((first.job.message, slot)),
            Plan::Wait(_) | Plan::PutOff { .. } => None,
        };
        plan
    }

    /// Types up to the slot, and sends.
    async fn send_at(&mut self, link: &mut Link, intake: &mut Intake, item: Item, slot: Slot) -> Result<(), Turn> {
        if slot.at > slot.typing_from {
            let session = &link.transmitter.session;
            let _ = timeout(TYPING_WITHIN, session.show_typing(&item.job.to, TypingState::Composing)).await;
        }
        let mut reached = self.reach(link, slot.at).await;
        while reached.is_ok()
            && let Err(at) = self.ceiling.check(1)
        {
            self.context.meters.ceiling_refusals.inc();
            tracing::warn!(sender.id = %self.lease.id, "the ceiling refused a slot that the pacer gave");
            reached = self.reach(link, at).await;
        }
        if reached.is_err() || !self.may_begin() {
            intake.backlog.put_back(item);
            return reached;
        }
        self.send_now(link, intake, item, slot).await
    }

    /// Waits for a campaign time, unless the lease or the session ends before.
    async fn reach(&self, link: &mut Link, at: DateTime<Utc>) -> Result<(), Turn> {
        tokio::select! {
            biased;
            () = self.lease.ended() => Err(Turn::LeaseOver),
            _ = link.status.wait_for(|status| matches!(status, SessionStatus::Over(_))) => Err(Turn::SessionOver),
            () = self.context.clock.sleep_until(at) => Ok(()),
        }
    }

    /// Intent, send, outcome. Nothing in here is broken off half-way.
    async fn send_now(&mut self, link: &Link, intake: &mut Intake, item: Item, slot: Slot) -> Result<(), Turn> {
        let now = self.context.clock.now();
        let inputs = self.pace_inputs(Some(slot), Some(item.job.chars), now);
        let batch = self.intent_batch(vec![(item.job.message, item.job.generation)], now, inputs);
        let answer = match self.context.store.record_intents(batch).await {
            Ok(Fenced::Done(answer)) => answer,
            Ok(Fenced::LeaseLost) => {
                self.context.meters.epoch_refusals.with_label_values(&["intent"]).inc();
                self.lease.change(Standing::Lost);
                return Err(Turn::LeaseOver);
            }
            Err(error) if error.is_transient() => {
                intake.backlog.put_back(item);
                return Err(self.intent_failed(&error).await);
            }
            Err(error) => {
                // Its claim runs out in the store, and the message is released again.
                item.ticket.settle().await;
                return Err(self.intent_failed(&error).await);
            }
        };
        self.pace = answer.pace;
        let verdict = answer.items.into_iter().next().map(|(_, verdict)| verdict);
        match verdict.unwrap_or(IntentVerdict::Refused(Refusal::Stale)) {
            IntentVerdict::Refused(refusal) => {
                self.refuse(refusal, &item.ticket).await;
                Ok(())
            }
            IntentVerdict::Granted(grant) => {
                self.observe_intent(&item, now);
                let parcel = Parcel::granted(item.job.message, grant);
                let transmission = link.transmitter.transmit(&parcel, Doubt::None).await;
                self.conclude(&parcel, Some(item.ticket), transmission).await
            }
        }
    }
}
