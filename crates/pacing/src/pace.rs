//! The verdict: send at a slot, wait, or suspended, with the rule that decided.

use std::{ops::Range, time::Duration};

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::{Draw, PaceState, Profile, Seed, Suspension, profile::seconds_within};

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
    /// Every rule.
    pub const ALL: [Self; 5] = [Self::Free, Self::Gap, Self::Typing, Self::DailyCap, Self::Suspended];

    /// The rule of a word.
    pub fn find(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.as_str() == word)
    }

    /// What the rule says, as the rest of a sentence that begins "It waits because".
    pub const fn because(self) -> &'static str {
        match self {
            Self::Free => "its turn has not come",
            Self::Gap => "the sender pauses after its last message",
            Self::Typing => "the sender takes the time to type it",
            Self::DailyCap => "the sender has sent all that it may on this day",
            Self::Suspended => "WhatsApp bars the sender",
        }
    }

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

impl Verdict {
    /// The rule that decided.
    pub const fn rule(&self) -> Rule {
        match self {
            Self::Send(slot) => slot.rule,
            Self::Wait { rule, .. } => *rule,
            Self::Suspended { .. } => Rule::Suspended,
        }
    }

    /// When something may happen next: the slot, or the time to ask again; `None` for a bar without an end.
    pub const fn next_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Send(slot) => Some(slot.at),
            Self::Wait { until, .. } => Some(*until),
            Self::Suspended { until } => *until,
        }
    }
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
    ///
    /// Neither the slot nor the day ever goes back: a clock that is set back, or a zone that moves west, must not give a
    /// number a second helping of the same day.
    #[must_use]
    pub fn spend(&self, state: &PaceState, draw: Draw, at: DateTime<Utc>) -> PaceState {
        let gap = self.profile.gap.map_or(Duration::ZERO, |gap| draw.gap(self.seed, &gap));
        self.spent(state, at, gap)
    }

    /// How many messages may leave within `span`, at most `limit`: the pacer itself, replayed with the median pause.
    pub fn count_slots(
        &self,
        state: &PaceState,
        suspension: Option<Suspension>,
        span: Range<DateTime<Utc>>,
        limit: u32,
    ) -> u32 {
        let Some(gap) = &self.profile.gap else {
            let open =
                matches!(self.verdict(state, suspension, 0, span.start), Verdict::Send(slot) if slot.at <= span.end);
            let left = self.left_today(state, span.start).unwrap_or(limit);
            return if open { left.min(limit) } else { 0 };
        };
        let pause = seconds_within(gap.median_seconds, gap.min_seconds, gap.max_seconds);
        let (mut state, mut now, mut count) = (state.clone(), span.start, 0);
        while count < limit {
            match self.verdict(&state, suspension, 0, now) {
                Verdict::Send(slot) if slot.at <= span.end => {
                    state = self.spent(&state, slot.at, pause);
                    now = slot.at;
                    count += 1;
                }
                Verdict::Wait { until, .. } | Verdict::Suspended { until: Some(until) }
                    if now < until && until <= span.end =>
                {
                    now = until;
                }
                Verdict::Send(_) | Verdict::Wait { .. } | Verdict::Suspended { .. } => break,
            }
        }
        count
    }

    /// How many sends are spent today.
    pub fn spent_today(&self, state: &PaceState, now: DateTime<Utc>) -> u32 {
        spent_by(state, self.day(now))
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

    fn spent(&self, state: &PaceState, at: DateTime<Utc>, gap: Duration) -> PaceState {
        let day = self.day(at);
        PaceState {
            next_slot: Some(state.next_slot.map_or(at + gap, |next| next.max(at + gap))),
            day: state.day.max(Some(day)),
            spent_today: spent_by(state, day).saturating_add(1),
        }
    }

    fn left_on(&self, state: &PaceState, day: NaiveDate) -> Option<u32> {
        self.profile.daily_cap.map(|cap| cap.saturating_sub(spent_by(state, day)))
    }

    /// The first instant of a calendar day. Where a clock change skips midnight, the day begins when the clocks have moved;
    /// where a zone skips the whole day, as Apia did on 2011-12-30, the one after it begins.
    fn start_of(&self, day: NaiveDate) -> DateTime<Utc> {
        const LONGEST_SKIP_MINUTES: i64 = 49 * 60;
        let midnight = day.and_time(NaiveTime::MIN);
        (0..=LONGEST_SKIP_MINUTES)
            .find_map(|minutes| self.zone.from_local_datetime(&(midnight + TimeDelta::minutes(minutes))).earliest())
            .map_or_else(|| midnight.and_utc(), |start| start.with_timezone(&Utc))
    }
}

/// What counts against the cap of `day`. A state of a later day counts too: then the clock or the zone went back.
fn spent_by(state: &PaceState, day: NaiveDate) -> u32 {
    if state.day >= Some(day) { state.spent_today } else { 0 }
}
