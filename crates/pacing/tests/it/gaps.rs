//! The pauses: their bounds, their distribution, and that each is a function of its inputs.

use chrono_tz::UTC;
use paceline_domain::AttemptNumber;
use paceline_pacing::{Draw, Gap, PaceState, Profile};
use proptest::prelude::*;

use crate::{at, message, pace};

/// The pause in seconds that follows a message.
fn gap_after(profile: &Profile, seed: i64, number: u64, attempt: AttemptNumber) -> f64 {
    let sent = at("2026-03-01T12:00:00Z");
    let draw = Draw { message: message(number), attempt };
    let next =
        pace(profile, UTC, seed).spend(&PaceState::default(), draw, sent).next_slot.expect("a send sets the slot");
    f64::from(
        u32::try_from((next - sent).num_microseconds().expect("a day in microseconds fits")).expect("under an hour"),
    ) / 1e6
}

fn with_gap(gap: Gap) -> Profile {
    Profile { gap: Some(gap), ..Profile::gentle() }
}

#[test]
fn the_pauses_follow_the_log_normal_law_of_the_profile() {
    let wide = with_gap(Gap { median_seconds: 40.0, sigma: 0.45, min_seconds: 0.0, max_seconds: 4_000.0 });
    let count = 20_000_u32;
    let logs: Vec<f64> = (0..count).map(|number| gap_after(&wide, 7, number.into(), 1).ln()).collect();
    let mean = logs.iter().sum::<f64>() / f64::from(count);
    let variance = logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / f64::from(count - 1);
    // Four standard errors at this count: 0.013 for the mean of the logarithm, 0.009 for its deviation.
    assert!((mean - 40.0_f64.ln()).abs() < 0.013, "median {}", mean.exp());
    assert!((variance.sqrt() - 0.45).abs() < 0.009, "sigma {}", variance.sqrt());
}

#[test]
fn half_of_the_default_pauses_are_shorter_than_forty_seconds() {
    let gentle = Profile::gentle();
    let shorter = (0..10_000).filter(|&number| gap_after(&gentle, 1, number, 1) < 40.0).count();
    assert!((4_800..=5_200).contains(&shorter), "{shorter} of 10,000");
}

#[test]
fn pauses_differ_by_message_attempt_and_sender() {
    let gentle = Profile::gentle();
    let base = gap_after(&gentle, 1, 1, 1);
    for other in [gap_after(&gentle, 1, 2, 1), gap_after(&gentle, 1, 1, 2), gap_after(&gentle, 2, 1, 1)] {
        assert!((base - other).abs() > 1e-6, "{base} and {other}");
    }
}

#[test]
fn a_profile_that_nobody_checked_still_gives_a_pause() {
    for (median_seconds, sigma) in [(f64::NAN, 0.4), (40.0, f64::NAN), (-1.0, 0.4), (40.0, -1.0), (f64::INFINITY, 1.0)]
    {
        let odd = with_gap(Gap { median_seconds, sigma, min_seconds: 15.0, max_seconds: 180.0 });
        let gap = gap_after(&odd, 1, 1, 1);
        assert!((15.0..=180.0).contains(&gap), "{median_seconds} and {sigma} gave {gap}");
    }
    let crossed = with_gap(Gap { median_seconds: 40.0, sigma: 0.4, min_seconds: 50.0, max_seconds: 20.0 });
    assert!((gap_after(&crossed, 1, 1, 1) - 20.0).abs() < 1e-9);
}

proptest! {
    #[test]
    fn a_pause_lies_within_the_clips(
        seed: i64, number: u64, attempt in 1..=5_i32,
        median in 0.01..1_000.0_f64, sigma in 0.0..3.0_f64, min in 0.0..60.0_f64, width in 0.0..600.0_f64,
    ) {
        let gap = Gap { median_seconds: median, sigma, min_seconds: min, max_seconds: min + width };
        let drawn = gap_after(&with_gap(gap), seed, number, attempt);
        // Half a microsecond: the precision of the stores.
        prop_assert!(drawn >= min - 5e-7 && drawn <= min + width + 5e-7, "{drawn} outside {min} to {}", min + width);
    }

    #[test]
    fn the_same_inputs_give_the_same_pause(seed: i64, number: u64, attempt in 1..=5_i32) {
        let gentle = Profile::gentle();
        let first = gap_after(&gentle, seed, number, attempt);
        prop_assert_eq!(first.to_bits(), gap_after(&gentle, seed, number, attempt).to_bits());
    }
}
