//! The verdict: send at a slot, wait, or suspended, with the rule that decided.

use std::time::Duration;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::{Draw, PaceState, Profile, Seed, Suspension};

/// One sender's pacer: everything that a decision depends on besides the state and the time.
#[derive(Debug, Clone, Copy)]
pub struct Pace<'a> {
    /// The limits.
    pub profile: &'a Profile,
    /// Where the sender's day begins and ends.
    pub zone: Tz,
    /// The sender's seed.
    pub seed: Seed,
}

/// The rule that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Nothing stands in the way.
    Free,
    /// The pause after the last send.
    Gap,
    /// The time a person would take to type.
    Typing,
    /// The day's sends are spent.
    DailyCap,
    /// WhatsApp bars the number.
    Suspended,
}

impl Rule {
    /// The rule's word, as stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Gap => "gap",
            Self::Typing => "typing",
            Self::DailyCap => "daily_cap",
            Self::Suspended => "suspended",
        }
    }
}

/// When a message is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// When the typing indicator starts; equal to `at` when there is none.
    pub typing_from: DateTime<Utc>,
    /// When the message leaves.
    pub at: DateTime<Utc>,
    /// What put it there.
    pub rule: Rule,
}

/// The pacer's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Send at the slot.
    Send(Slot),
    /// Nothing may be sent before `until`.
    Wait {
        /// The earliest time at which to ask again.
        until: DateTime<Utc>,
        /// What forbids it.
        rule: Rule,
    },
    /// WhatsApp bars the number.
    Suspended {
        /// When it ends, when it does.
        until: Option<DateTime<Utc>>,
    },
}

impl Pace<'_> {
    /// When a message of `chars` characters, taken up at `now`, may leave.
    pub fn verdict(
        &self,
        state: &PaceState,
        suspension: Option<Suspension>,
        chars: u32,
        now: DateTime<Utc>,
    ) -> Verdict {
        if let Some(Suspension { until }) = suspension.filter(|suspension| !suspension.is_over(now)) {
            return Verdict::Suspended { until };
        }
        let typing = self.profile.typing.map_or(Duration::ZERO, |typing| typing.duration(chars));
        let typed = now + typing;
        let (at, rule) = match state.next_slot {
            Some(next) if next > typed => (next, Rule::Gap),
            _ if typing.is_zero() => (now, Rule::Free),
            _ => (typed, Rule::Typing),
        };
        if self.left_on(state, self.day(at)) == Some(0) {
            return Verdict::Wait { until: self.start_of(self.day(at) + Days::new(1)), rule: Rule::DailyCap };
        }
        Verdict::Send(Slot { typing_from: at - typing, at, rule })
    }

    /// The state after a send at `at`. With several sends in one intent, apply it to each in turn.
    #[must_use]
    pub fn spend(&self, state: &PaceState, draw: Draw, at: DateTime<Utc>) -> PaceState {
        let day = self.day(at);
        let spent = if state.day == Some(day) { state.spent_today } else { 0 };
        let gap = self.profile.gap.map_or(Duration::ZERO, |gap| draw.gap(self.seed, &gap));
        PaceState { next_slot: Some(at + gap), day: Some(day), spent_today: spent.saturating_add(1) }
    }

    /// How many sends are left today; `None` without a cap.
    pub fn left_today(&self, state: &PaceState, now: DateTime<Utc>) -> Option<u32> {
        self.left_on(state, self.day(now))
    }

    /// The sender's calendar day at `at`.
    pub fn day(&self, at: DateTime<Utc>) -> NaiveDate {
        at.with_timezone(&self.zone).date_naive()
    }

    /// When the sender's next day begins.
    pub fn next_day(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.start_of(self.day(now) + Days::new(1))
    }

    fn left_on(&self, state: &PaceState, day: NaiveDate) -> Option<u32> {
        let spent = if state.day == Some(day) { state.spent_today } else { 0 };
        self.profile.daily_cap.map(|cap| cap.saturating_sub(spent))
    }

    /// The first instant of a calendar day. Where a clock change skips midnight, the day begins when the clocks have moved.
    fn start_of(&self, day: NaiveDate) -> DateTime<Utc> {
        let midnight = day.and_time(NaiveTime::MIN);
        (0..=4)
            .find_map(|half_hours| {
                self.zone.from_local_datetime(&(midnight + chrono::Duration::minutes(30 * half_hours))).earliest()
            })
            .map_or_else(|| midnight.and_utc(), |start| start.with_timezone(&Utc))
    }
}
