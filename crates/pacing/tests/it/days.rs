//! The sender's day: its cap, its boundaries, and clocks that change at midnight.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::{
    America::{Santiago, Sao_Paulo},
    Asia::{Beirut, Kolkata},
    Pacific::Apia,
    Tz, UTC,
};
use paceline_pacing::{Draw, PaceState, Profile, Rule, Verdict};
use proptest::prelude::*;

use crate::{at, message, pace};

/// Zones whose midnight moves, vanishes or comes twice, and two plain ones.
const ZONES: [Tz; 8] = [Sao_Paulo, Santiago, Beirut, Kolkata, Apia, UTC, Tz::Europe__Berlin, Tz::America__Havana];

fn next_day(zone: Tz, now: &str) -> DateTime<Utc> {
    pace(&Profile::gentle(), zone, 1).next_day(at(now))
}

#[test]
fn a_day_ends_at_the_sender_s_midnight() {
    assert_eq!(next_day(Kolkata, "2026-03-01T18:29:59Z"), at("2026-03-01T18:30:00Z"));
    assert_eq!(next_day(Kolkata, "2026-03-01T18:30:00Z"), at("2026-03-02T18:30:00Z"));
    assert_eq!(next_day(Sao_Paulo, "2026-03-01T02:59:59Z"), at("2026-03-01T03:00:00Z"));
    assert_eq!(next_day(Apia, "2026-03-01T10:00:00Z"), at("2026-03-01T11:00:00Z"));
}

#[test]
fn where_the_clocks_skip_midnight_the_day_begins_when_they_have_moved() {
    // Santiago, 2025-09-07: 00:00 becomes 01:00. Beirut, 2026-03-29: likewise. São Paulo, 2018-11-04: likewise.
    assert_eq!(next_day(Santiago, "2025-09-07T03:00:00Z"), at("2025-09-07T04:00:00Z"));
    assert_eq!(next_day(Beirut, "2026-03-28T20:00:00Z"), at("2026-03-28T22:00:00Z"));
    assert_eq!(next_day(Sao_Paulo, "2018-11-03T12:00:00Z"), at("2018-11-04T03:00:00Z"));
}

#[test]
fn where_the_last_hour_of_a_day_comes_twice_both_belong_to_it() {
    // Santiago, 2026-04-04: 24:00 becomes 23:00. São Paulo, 2018-02-17: likewise.
    assert_eq!(next_day(Santiago, "2026-04-05T02:30:00Z"), at("2026-04-05T04:00:00Z"));
    assert_eq!(next_day(Santiago, "2026-04-05T03:30:00Z"), at("2026-04-05T04:00:00Z"));
    assert_eq!(next_day(Sao_Paulo, "2018-02-18T01:30:00Z"), at("2018-02-18T03:00:00Z"));
}

#[test]
fn where_the_first_hour_of_a_day_comes_twice_it_begins_with_the_first() {
    // Havana, 2026-11-01: 01:00 becomes 00:00.
    assert_eq!(next_day(Tz::America__Havana, "2026-11-01T03:00:00Z"), at("2026-11-01T04:00:00Z"));
}

#[test]
fn a_day_that_a_zone_left_out_is_passed_over() {
    // Apia went from 2011-12-29 24:00 to 2011-12-31 00:00.
    assert_eq!(next_day(Apia, "2011-12-30T09:59:59Z"), at("2011-12-30T10:00:00Z"));
    assert_eq!(next_day(Apia, "2011-12-30T10:00:00Z"), at("2011-12-31T10:00:00Z"));
}

#[test]
fn a_spent_cap_waits_for_the_sender_s_next_day() {
    let profile = Profile { daily_cap: Some(2), ..Profile::unlimited() };
    let pace = pace(&profile, Kolkata, 1);
    let now = at("2026-03-01T10:00:00Z");
    let mut state = PaceState::default();
    assert_eq!(pace.left_today(&state, now), Some(2));
    for number in 0..2 {
        state = pace.spend(&state, Draw { message: message(number), attempt: 1 }, now);
    }
    assert_eq!(pace.left_today(&state, now), Some(0));
    let midnight = at("2026-03-01T18:30:00Z");
    assert_eq!(pace.verdict(&state, None, 1, now), Verdict::Wait { until: midnight, rule: Rule::DailyCap });
    assert!(matches!(pace.verdict(&state, None, 1, midnight), Verdict::Send(slot) if slot.at == midnight));
    assert_eq!(pace.left_today(&state, midnight), Some(2));
}

#[test]
fn a_slot_after_midnight_spends_the_next_day() {
    let profile = Profile { daily_cap: Some(1), ..Profile::gentle() };
    let pace = pace(&profile, UTC, 1);
    let now = at("2026-03-01T23:59:50Z");
    let slot = at("2026-03-02T00:00:20Z");
    let state = PaceState { next_slot: Some(slot), day: Some(now.date_naive()), spent_today: 1 };
    assert!(matches!(pace.verdict(&state, None, 1, now), Verdict::Send(granted) if granted.at == slot));
}

#[test]
fn a_zone_that_moves_west_gives_no_second_helping() {
    let profile = Profile { daily_cap: Some(1), ..Profile::unlimited() };
    let now = at("2026-03-01T20:00:00Z");
    let spent = pace(&profile, Kolkata, 1).spend(&PaceState::default(), Draw { message: message(1), attempt: 1 }, now);
    let west = pace(&profile, Tz::America__Los_Angeles, 1);
    assert_eq!(west.left_today(&spent, now), Some(0));
    let again = west.spend(&spent, Draw { message: message(2), attempt: 1 }, now);
    assert_eq!((again.day, again.spent_today), (spent.day, 2));
}

#[test]
fn a_slot_never_goes_back() {
    let profile = Profile::brisk();
    let now = at("2026-03-01T20:00:00Z");
    let state = PaceState { next_slot: Some(now + TimeDelta::hours(1)), ..PaceState::default() };
    let after = pace(&profile, UTC, 1).spend(&state, Draw { message: message(1), attempt: 1 }, now);
    assert_eq!(after.next_slot, state.next_slot);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_calendar_day_holds_more_than_the_cap_and_slots_only_go_forward(
        zone in prop::sample::select(&ZONES[..]),
        start in prop::sample::select(vec![
            "2025-09-06T12:00:00Z", "2026-03-28T09:00:00Z", "2026-04-04T12:00:00Z", "2026-10-24T20:00:00Z",
            "2018-02-17T15:00:00Z", "2018-11-03T15:00:00Z", "2011-12-29T09:00:00Z", "2026-11-01T00:00:00Z",
        ]),
        cap in 1..6_u32, seed: i64, idle in prop::collection::vec(0..20_000_i64, 1..60),
    ) {
        let profile = Profile { daily_cap: Some(cap), ..Profile::gentle() };
        let pace = pace(&profile, zone, seed);
        let (mut state, mut now) = (PaceState::default(), at(start));
        let mut sent_on = HashMap::new();
        for (number, seconds) in (0_u64..).zip(idle) {
            now += TimeDelta::seconds(seconds);
            match pace.verdict(&state, None, 40, now) {
                Verdict::Send(slot) => {
                    prop_assert!(slot.at >= now);
                    prop_assert!(state.next_slot.is_none_or(|next| slot.at >= next), "the pause was kept");
                    let next = pace.spend(&state, Draw { message: message(number), attempt: 1 }, slot.at);
                    prop_assert!(next.next_slot > state.next_slot && next.day >= state.day);
                    *sent_on.entry(slot.at.with_timezone(&zone).date_naive()).or_insert(0_u32) += 1;
                    (state, now) = (next, slot.at);
                }
                Verdict::Wait { until, rule } => {
                    prop_assert!(until > now && rule == Rule::DailyCap);
                    let spent = |at: DateTime<Utc>| sent_on.get(&at.with_timezone(&zone).date_naive()).copied();
                    prop_assert_eq!(spent(until - TimeDelta::microseconds(1)), Some(cap), "it waits for no other reason");
                    now = until;
                }
                Verdict::Suspended { .. } => prop_assert!(false, "nothing suspends this sender"),
            }
        }
        prop_assert!(sent_on.values().all(|&sent| sent <= cap), "{sent_on:?}");
    }

    #[test]
    fn the_next_day_is_the_first_instant_of_another_date(zone in prop::sample::select(&ZONES[..]), hour in 0..200_000_i64) {
        let now = at("2005-01-01T00:00:00Z") + TimeDelta::hours(hour);
        let profile = Profile::gentle();
        let pace = pace(&profile, zone, 1);
        let next = pace.next_day(now);
        prop_assert!(next > now && next - now <= TimeDelta::hours(25));
        prop_assert!(pace.day(next) > pace.day(now));
        prop_assert_eq!(pace.day(next - TimeDelta::microseconds(1)), pace.day(now));
    }
}
