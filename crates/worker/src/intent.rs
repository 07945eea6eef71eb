//! The intent before a send, and what follows after one.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use paceline_domain::{Generation, MessageId};
use paceline_failpoints::{self as failpoints, Failpoint};
use paceline_pacing::{Slot, Verdict};
use paceline_store::{
    StoreError,
    intents::{AttemptOutcome, IntentBatch, Refusal},
};
use serde_json::{Value, json};

use crate::{
    actor::{Actor, Turn},
    backlog::Item,
    gate::Closer,
    reporter::{Recorded, Report},
    ticket::Ticket,
    transmit::{Parcel, SessionHealth, Settled, Transmission},
};

/// When a message may go, as far as the sender's pace is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan {
    /// At this slot.
    Send(Slot),
    /// Ask again then.
    Wait(DateTime<Utc>),
    /// Not within the time that a job may be held.
    PutOff { not_before: Option<DateTime<Utc>>, waits_for: &'static str },
}

impl Actor {
    /// When a message of `chars` characters may go.
    pub(crate) fn plan(&self, chars: u32, now: DateTime<Utc>) -> Plan {
        if let Some(until) = self.throttled_until.filter(|&until| until > now) {
            return self.barred(until, now, "throttled");
        }
        // An open session is the network's word that the number is not barred; a stored suspension may be out of date.
        match self.with_pace(|pace| pace.verdict(&self.pace, None, chars, now)) {
            Verdict::Send(slot) if self.is_near(slot.at, now) => Plan::Send(slot),
            Verdict::Send(slot) => Plan::PutOff { not_before: Some(slot.at), waits_for: slot.rule.as_str() },
            Verdict::Wait { until, rule } => self.barred(until, now, rule.as_str()),
            Verdict::Suspended { until: Some(until) } => self.barred(until, now, "suspended"),
            Verdict::Suspended { until: None } => Plan::PutOff { not_before: None, waits_for: "suspended" },
        }
    }

    fn barred(&self, until: DateTime<Utc>, now: DateTime<Utc>, waits_for: &'static str) -> Plan {
        if self.is_near(until, now) { Plan::Wait(until) } else { Plan::PutOff { not_before: Some(until), waits_for } }
    }

    fn is_near(&self, at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        self.context.real_time_until(at, now) <= self.context.options.max_hold
    }

    /// Whether a job that is taken up now would be answered within the time that it may be held.
    pub(crate) fn can_hold(&self, item: &Item, until: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        let held = item.received_at.elapsed();
        held.saturating_add(self.context.real_time_until(until, now)) <= self.context.options.max_hold
    }

    /// Whether an intent may be begun: the store is there, and the lease outlasts a send.
    pub(crate) fn may_begin(&self) -> bool {
        self.context.gate.is_open() && self.lease.has_time_for(self.context.options.send_timeout)
    }

    pub(crate) fn intent_batch(
        &self,
        items: Vec<(MessageId, Generation)>,
        now: DateTime<Utc>,
        pace_inputs: Value,
    ) -> IntentBatch {
        IntentBatch {
            sender: self.lease.id,
            epoch: self.lease.epoch,
            worker: self.context.options.worker,
            now,
            profile: self.profile.clone(),
            items,
            pace_inputs,
        }
    }

    /// The inputs of the pacing decision, kept with each attempt.
    pub(crate) fn pace_inputs(&self, slot: Option<Slot>, chars: Option<u32>, now: DateTime<Utc>) -> Value {
        json!({
            "now": now,
            "slot": slot.map(|slot| slot.at),
            "typing_from": slot.map(|slot| slot.typing_from),
            "rule": slot.map(|slot| slot.rule),
            "profile": self.profile_name,
            "profile_version": self.profile.version,
            "chars": chars,
            "state": self.pace,
        })
    }

    /// What follows from an intent that the store did not take.
    pub(crate) async fn intent_failed(&self, error: &StoreError) -> Turn {
        self.context.gate.close(Closer::Leases, error);
        let pause = if error.is_transient() {
            tracing::debug!(sender.id = %self.lease.id, error = %error, "an intent was not recorded");
            Duration::from_millis(20)
        } else {
            tracing::error!(sender.id = %self.lease.id, error = %error, "the store refuses an intent");
            Duration::from_secs(1)
        };
        tokio::time::sleep(pause).await;
        // The answer may have been lost after the commit; whatever is open is found before anything new is sent.
        Turn::Settle
    }

    pub(crate) fn observe_intent(&mut self, item: &Item, now: DateTime<Utc>) {
        failpoints::pass(Failpoint::WorkerIntentRecorded);
        let waited = item.received_at.elapsed().as_secs_f64();
        self.context.meters.queue_wait.with_label_values(&[item.lane.as_str()]).observe(waited);
        if !self.profile.is_unpaced() {
            if let Some(gap) = self.last_intent.and_then(|last| (now - last).to_std().ok()) {
                self.context.meters.gaps.with_label_values(&[self.channel_word()]).observe(gap.as_secs_f64());
            }
            self.last_intent = Some(now);
        }
    }

    /// The store has done what follows from a refusal; the job is done with the message.
    pub(crate) async fn refuse(&self, refusal: Refusal, ticket: &Ticket) {
        self.context.meters.refusals.with_label_values(&[refusal.as_str()]).inc();
        ticket.settle().await;
    }

    /// Reports what became of a parcel, or remembers that it was left open.
    pub(crate) async fn conclude(
        &mut self,
        parcel: &Parcel,
        ticket: Option<Arc<Ticket>>,
        transmission: Transmission,
    ) -> Result<(), Turn> {
        let key = (parcel.message, parcel.attempt);
        self.throttled_until = self.throttled_until.max(transmission.throttled_until);
        let open = match transmission.result {
            Settled::Known(outcome, at) => {
                failpoints::pass(Failpoint::WorkerAnswered);
                self.context.meters.count_outcome(self.channel_kind(), outcome.as_str());
                self.resends.remove(&key);
                let (message, attempt, epoch) = (parcel.message, parcel.attempt, self.lease.epoch);
                let outcome = AttemptOutcome { message, attempt, epoch, outcome, at };
                let report = Report { sender: self.lease.id, outcome, recorded: Recorded::No, ticket };
                self.context.reporter.report(report).await;
                false
            }
            Settled::Open => {
                self.owed.extend(ticket.map(|ticket| (key, ticket)));
                true
            }
        };
        match transmission.session {
            SessionHealth::Over => Err(Turn::SessionOver),
            SessionHealth::Good if open => Err(Turn::Settle),
            SessionHealth::Good => Ok(()),
        }
    }
}
