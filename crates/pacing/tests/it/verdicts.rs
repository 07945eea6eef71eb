//! The verdict's rules one by one, and the replay that fills windows.

use chrono::TimeDelta;
use chrono_tz::UTC;
use paceline_pacing::{Draw, PaceState, Profile, Rule, Slot, Verdict};
use proptest::prelude::*;

use crate::{at, message, pace, suspension};

#[test]
fn an_unpaced_sender_sends_at_once() {
    let (profile, now) = (Profile::unlimited(), at("2026-03-01T12:00:00Z"));
    let state = pace(&profile, UTC, 1).spend(&PaceState::default(), Draw { message: message(1), attempt: 1 }, now);
    let verdict = pace(&profile, UTC, 1).verdict(&state, None, 500, now);
    assert_eq!(verdict, Verdict::Send(Slot { typing_from: now, at: now, rule: Rule::Free }));
}

#[test]
fn a_first_message_leaves_when_it_has_been_typed() {
    let (profile, now) = (Profile::gentle(), at("2026-03-01T12:00:00Z"));
    let verdict = pace(&profile, UTC, 1).verdict(&PaceState::default(), None, 30, now);
    assert_eq!(verdict, Verdict::Send(Slot { typing_from: now, at: now + TimeDelta::seconds(10), rule: Rule::Typing }));
}

#[test]
fn typing_runs_up_to_the_slot_that_the_pause_set() {
    let (profile, now) = (Profile::gentle(), at("2026-03-01T12:00:00Z"));
    let slot = now + TimeDelta::seconds(60);
    let state = PaceState { next_slot: Some(slot), ..PaceState::default() };
    let verdict = pace(&profile, UTC, 1).verdict(&state, None, 30, now);
    assert_eq!(verdict, Verdict::Send(Slot { typing_from: slot - TimeDelta::seconds(10), at: slot, rule: Rule::Gap }));
    assert_eq!((verdict.rule(), verdict.next_at()), (Rule::Gap, Some(slot)));
}

#[test]
fn a_suspension_bars_until_it_is_over_and_not_a_moment_longer() {
    let (profile, now) = (Profile::gentle(), at("2026-03-01T12:00:00Z"));
    let verdict = |until, now| pace(&profile, UTC, 1).verdict(&PaceState::default(), Some(suspension(until)), 1, now);
    let until = now + TimeDelta::hours(1);
    assert_eq!(verdict(Some(until), now), Verdict::Suspended { until: Some(until) });
    assert_eq!(verdict(None, now), Verdict::Suspended { until: None });
    assert_eq!((verdict(None, now).rule(), verdict(None, now).next_at()), (Rule::Suspended, None));
    assert!(matches!(verdict(Some(until), until), Verdict::Send(_)));
}

#[test]
fn a_suspended_sender_is_given_only_what_fits_after_its_bar() {
    let (profile, now) = (Profile::gentle(), at("2026-03-01T12:00:00Z"));
    let count = |until| {
        let span = now..now + TimeDelta::minutes(10);
        pace(&profile, UTC, 1).count_slots(&PaceState::default(), Some(suspension(until)), span, 100)
    };
    assert_eq!(count(None), 0);
    assert_eq!(count(Some(now + TimeDelta::minutes(11))), 0);
    // From 12:08:01.5 on, one each 40 s: at 12:08:01.5, 12:08:41.5 and 12:09:21.5.
    assert_eq!(count(Some(now + TimeDelta::minutes(8))), 3);
}

#[test]
fn the_replay_counts_what_is_due_and_crosses_midnight() {
    let profile = Profile { daily_cap: Some(2), ..Profile::gentle() };
    let now = at("2026-03-01T23:58:00Z");
    let count = |minutes, limit| {
        let span = now..now + TimeDelta::minutes(minutes);
        pace(&profile, UTC, 1).count_slots(&PaceState::default(), None, span, limit)
    };
    assert_eq!((count(0, 8), count(1, 8), count(2, 8), count(3, 8), count(60, 8)), (0, 2, 2, 4, 4));
    assert_eq!((count(60, 3), count(60, 0), count(60 * 24 * 3, 100)), (3, 0, 8));
}

#[test]
fn the_replay_of_an_unpaced_sender_is_its_limit_and_its_cap() {
    let now = at("2026-03-01T12:00:00Z");
    let span = || now..now + TimeDelta::minutes(2);
    let free = Profile::unlimited();
    assert_eq!(pace(&free, UTC, 1).count_slots(&PaceState::default(), None, span(), 10_000), 10_000);
    let capped = Profile { daily_cap: Some(100), ..Profile::unlimited() };
    let state = PaceState { day: Some(now.date_naive()), spent_today: 98, ..PaceState::default() };
    assert_eq!(pace(&capped, UTC, 1).count_slots(&state, None, span(), 10_000), 2);
    let later = PaceState { next_slot: Some(now + TimeDelta::minutes(3)), ..PaceState::default() };
    assert_eq!(pace(&free, UTC, 1).count_slots(&later, None, span(), 10_000), 0);
}

#[test]
fn every_rule_has_a_word_that_finds_it() {
    for rule in Rule::ALL {
        assert_eq!(Rule::find(rule.as_str()), Some(rule));
        assert_eq!(serde_json::to_value(rule).expect("a word"), rule.as_str());
        assert!(!rule.because().is_empty());
    }
    assert_eq!(Rule::find("mood"), None);
}

proptest! {
    #[test]
    fn a_verdict_is_never_in_the_past_and_is_the_same_again(
        seed: i64, chars: u32, next in prop::option::of(-100_000..100_000_i64), spent in 0..400_u32, bar in prop::option::of(-1_000..1_000_i64),
    ) {
        let (profile, now) = (Profile::gentle(), at("2026-03-01T12:00:00Z"));
        let state = PaceState {
            next_slot: next.map(|seconds| now + TimeDelta::seconds(seconds)),
            day: Some(now.date_naive()),
            spent_today: spent,
        };
        let bar = bar.map(|seconds| suspension(Some(now + TimeDelta::seconds(seconds))));
        let verdict = pace(&profile, UTC, seed).verdict(&state, bar, chars, now);
        match verdict {
            Verdict::Send(slot) => prop_assert!(now <= slot.typing_from && slot.typing_from <= slot.at),
            Verdict::Wait { until, .. } => prop_assert!(until > now),
            Verdict::Suspended { until } => prop_assert!(until.is_none_or(|until| until > now)),
        }
        prop_assert_eq!(verdict, pace(&profile, UTC, seed).verdict(&state, bar, chars, now));
    }

    #[test]
    fn the_replay_never_promises_more_than_fits(limit in 0..50_u32, minutes in 0..600_i64, spent in 0..250_u32) {
        let (profile, now) = (Profile::gentle(), at("2026-03-01T06:00:00Z"));
        let state = PaceState { next_slot: None, day: Some(now.date_naive()), spent_today: spent };
        let count = pace(&profile, UTC, 1).count_slots(&state, None, now..now + TimeDelta::minutes(minutes), limit);
        prop_assert!(count <= limit && count <= 200_u32.saturating_sub(spent));
        prop_assert!(i64::from(count) <= minutes * 60 / 40 + 1);
    }
}
