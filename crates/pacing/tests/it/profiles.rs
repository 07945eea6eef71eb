//! The profiles of the issue, typing times, and what is refused.

use std::{collections::BTreeMap, time::Duration};

use paceline_pacing::{Gap, Profile, Profiles, Typing};
use proptest::prelude::*;

#[test]
fn the_profiles_have_the_promised_numbers() {
    let gentle = Profile::gentle();
    assert_eq!(gentle.gap, Some(Gap { median_seconds: 40.0, sigma: 0.45, min_seconds: 15.0, max_seconds: 180.0 }));
    assert_eq!(gentle.daily_cap, Some(200));
    let brisk = Profile::brisk();
    let gap = brisk.gap.expect("brisk is paced");
    assert_eq!((gap.min_seconds, gap.max_seconds, brisk.daily_cap), (1.0, 3.0, Some(1_000)));
    let unlimited = Profile::unlimited();
    assert_eq!((unlimited.gap, unlimited.typing, unlimited.daily_cap), (None, None, None));
    assert!(unlimited.is_unpaced() && !gentle.is_unpaced());
}

#[test]
fn a_window_is_eight_messages_or_two_seconds_at_the_ceiling() {
    assert_eq!((Profile::gentle().window(), Profile::unlimited().window()), (8, 10_000));
    assert_eq!(Profile { per_second: u32::MAX, ..Profile::unlimited() }.window(), u32::MAX);
}

#[test]
fn the_default_profiles_are_lawful_and_found_by_name() {
    let profiles = Profiles::default();
    assert_eq!(profiles.names().collect::<Vec<_>>(), ["brisk", "gentle", "unlimited"]);
    assert_eq!(profiles.find(Profiles::DEFAULT), Some(&Profile::gentle()));
    assert_eq!(profiles.find("reckless"), None);
    let json = serde_json::to_string(&profiles).expect("profiles are JSON");
    assert_eq!(serde_json::from_str::<Profiles>(&json).expect("and come back"), profiles);
}

#[test]
fn every_problem_of_every_profile_is_told_at_once() {
    let broken = Profile {
        version: 1,
        gap: Some(Gap { median_seconds: 0.0, sigma: 9.0, min_seconds: 5.0, max_seconds: 1.0 }),
        typing: Some(Typing { chars_per_second: f64::NAN, min_seconds: -1.0, max_seconds: 1.0 }),
        daily_cap: Some(0),
        per_second: 0,
    };
    let problems = Profiles::new(BTreeMap::from([("broken".to_owned(), broken)])).expect_err("all of it is wrong");
    let told: Vec<_> = problems.iter().map(|problem| format!("{}.{}", problem.profile, problem.key)).collect();
    insta::assert_debug_snapshot!(told, @r#"
    [
        "broken.gap.median_seconds",
        "broken.gap.sigma",
        "broken.gap.min_seconds",
        "broken.typing.chars_per_second",
        "broken.typing.min_seconds",
        "broken.daily_cap",
        "broken.per_second",
        "gentle.version",
    ]
    "#);
}

#[test]
fn a_profile_cannot_slip_in_unchecked_through_its_file() {
    let refused = serde_json::from_str::<Profiles>(r#"{"gentle": {"version": 1, "per_second": 0}}"#);
    insta::assert_snapshot!(refused.expect_err("a ceiling of nothing"), @r#"pacing profile "gentle": per_second must be above 0"#);
    let unknown = serde_json::from_str::<Profiles>(r#"{"gentle": {"version": 1, "per_second": 1, "speed": 2}}"#);
    assert!(unknown.expect_err("an unknown key").to_string().contains("speed"));
}

#[test]
fn typing_takes_the_text_s_length_at_the_profile_s_speed() {
    let typing = Profile::gentle().typing.expect("gentle types");
    let seconds = |chars| typing.duration(chars).as_secs_f64();
    assert_eq!(
        [seconds(0), seconds(3), seconds(30), seconds(75), seconds(76), seconds(4_096)].map(|s| format!("{s:.3}")),
        ["1.500", "1.500", "10.000", "25.000", "25.000", "25.000"]
    );
}

#[test]
fn a_typing_speed_of_nothing_shows_the_longest_time() {
    let stuck = Typing { chars_per_second: 0.0, min_seconds: 1.0, max_seconds: 9.0 };
    assert_eq!((stuck.duration(10), stuck.duration(0)), (Duration::from_secs(9), Duration::from_secs(1)));
}

proptest! {
    #[test]
    fn typing_lies_within_its_bounds_and_longer_texts_never_take_less(
        chars: u32, more in 0..10_000_u32, speed in 0.1..100.0_f64, min in 0.0..10.0_f64, width in 0.0..60.0_f64,
    ) {
        let typing = Typing { chars_per_second: speed, min_seconds: min, max_seconds: min + width };
        let duration = typing.duration(chars).as_secs_f64();
        prop_assert!(duration >= min - 5e-7 && duration <= min + width + 5e-7);
        prop_assert!(typing.duration(chars.saturating_add(more)).as_secs_f64() >= duration);
    }
}
