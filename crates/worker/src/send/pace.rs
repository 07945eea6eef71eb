//! A sender's pace: the profile that it keeps to, what it has spent of it, and when the next message may go.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use paceline_pacing::{Pace, PaceState, Profile, Slot, Verdict};
use serde_json::{Value, json};

use crate::{
    context::Context,
    lease::watch::LeaseWatch,
    send::{ceiling::Ceiling, turn::Turn},
};

/// When a message may go, as far as the sender's pace is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan {
    /// At this slot.
    Send(Slot),
    /// Ask again then.
    Wait { until: DateTime<Utc>, waits_for: &'static str },
    /// Not within the time that a job may be held.
    PutOff { not_before: Option<DateTime<Utc>>, waits_for: &'static str },
}

impl Plan {
    /// The rule that decided.
    pub(crate) const fn rule(self) -> &'static str {
        match self {
            Self::Send(slot) => slot.rule.as_str(),
            Self::Wait { waits_for, .. } | Self::PutOff { waits_for, .. } => waits_for,
        }
    }
}

/// A sender's pace.
pub(crate) struct SenderPace {
    context: Arc<Context>,
    lease: LeaseWatch,
    /// The name under which `profile` was found; a renewal of the lease may bring another.
    profile_name: String,
    profile: Profile,
    /// As the last intent left it. Nobody else spends it while the lease is held.
    state: PaceState,
    ceiling: Arc<Ceiling>,
    /// The network said that the sender goes too fast.
    throttled_until: Option<DateTime<Utc>>,
    /// When the last intent was, for the gap's histogram.
    last_intent: Option<DateTime<Utc>>,
}

impl SenderPace {
    /// The pace as the sender's row has it.
    pub(crate) fn new(context: Arc<Context>, lease: LeaseWatch) -> Self {
        let sender = lease.sender();
        let profile = context.profile(&sender.profile);
        Self {
            ceiling: Arc::new(Ceiling::new(profile.per_second, Arc::clone(&context.clock))),
            profile_name: sender.profile.clone(),
            profile,
            state: sender.pace.clone(),
            throttled_until: None,
            last_intent: None,
            lease,
            context,
        }
    }

    /// The profile that is kept to.
    pub(crate) const fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The backstop on the rate that the profile sets.
    pub(crate) const fn ceiling(&self) -> &Arc<Ceiling> {
        &self.ceiling
    }

    /// Whether the sender still has the profile that is kept to.
    pub(crate) fn check_profile(&self) -> Result<(), Turn> {
        if self.lease.sender().profile == self.profile_name { Ok(()) } else { Err(Turn::Profile) }
    }

    /// Takes up the profile that the sender has by now. What was spent stays spent.
    pub(crate) fn change_profile(&mut self) {
        let name = self.lease.sender().profile.clone();
        tracing::info!(sender.id = %self.lease.id, profile.name = %name, "the sender has another pacing profile");
        self.profile = self.context.profile(&name);
        self.profile_name = name;
        self.ceiling = Arc::new(Ceiling::new(self.profile.per_second, Arc::clone(&self.context.clock)));
    }

    /// When a message of `chars` characters may go.
    pub(crate) fn plan(&self, chars: u32, now: DateTime<Utc>) -> Plan {
        if let Some(until) = self.throttled_until.filter(|&until| until > now) {
            return self.barred(until, now, "throttled");
        }
        let sender = self.lease.sender();
        let pace = Pace { profile: &self.profile, zone: sender.zone, seed: sender.seed };
        // An open session is the network's word that the number is not barred; a stored suspension may be out of date.
        match pace.verdict(&self.state, None, chars, now) {
            Verdict::Send(slot) if self.is_near(slot.at, now) => Plan::Send(slot),
            Verdict::Send(slot) => Plan::PutOff { not_before: Some(slot.at), waits_for: slot.rule.as_str() },
            Verdict::Wait { until, rule } => self.barred(until, now, rule.as_str()),
            Verdict::Suspended { until: Some(until) } => self.barred(until, now, "suspended"),
            Verdict::Suspended { until: None } => Plan::PutOff { not_before: None, waits_for: "suspended" },
        }
    }

    /// The inputs of the pacing decision, kept with each attempt.
    pub(crate) fn inputs(&self, slot: Option<Slot>, chars: Option<u32>, now: DateTime<Utc>) -> Value {
        json!({
            "now": now,
            "slot": slot.map(|slot| slot.at),
            "typing_from": slot.map(|slot| slot.typing_from),
            "rule": slot.map(|slot| slot.rule),
            "profile": self.profile_name,
            "profile_version": self.profile.version,
            "chars": chars,
            "state": self.state,
        })
    }

    /// An intent has spent of it, and left this.
    pub(crate) fn spend(&mut self, left: PaceState) {
        self.state = left;
    }

    /// Notes when a message of a paced sender was begun, and answers how long that was after the one before.
    pub(crate) fn note_intent(&mut self, now: DateTime<Utc>) -> Option<Duration> {
        if self.profile.is_unpaced() {
            return None;
        }
        self.last_intent.replace(now).and_then(|last| (now - last).to_std().ok())
    }

    /// How long a paced sender pauses after an intent at `now`, which has been spent.
    pub(crate) fn pause_after(&self, now: DateTime<Utc>) -> Option<Duration> {
        let next = self.state.next_slot.filter(|_| !self.profile.is_unpaced())?;
        (next - now).to_std().ok()
    }

    /// The network may have said that nothing is to be sent before this.
    pub(crate) fn throttle(&mut self, until: Option<DateTime<Utc>>) {
        self.throttled_until = self.throttled_until.max(until);
    }

    fn barred(&self, until: DateTime<Utc>, now: DateTime<Utc>, waits_for: &'static str) -> Plan {
        if self.is_near(until, now) {
            Plan::Wait { until, waits_for }
        } else {
            Plan::PutOff { not_before: Some(until), waits_for }
        }
    }

    fn is_near(&self, at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        self.context.real_time_until(at, now) <= self.context.options.max_hold
    }
}
