//! Whole schedules for given seeds. A change here changes when every sender of every installation sends: it needs a new
//! profile version.

use chrono_tz::{America::Sao_Paulo, UTC};
use paceline_pacing::Profile;

use crate::{at, pace, slots};

fn lines(slots: &[paceline_pacing::Slot]) -> String {
    let line = |slot: &paceline_pacing::Slot| {
        format!(
            "{} typing from {} ({})\n",
            slot.at.format("%d %T%.6f"),
            slot.typing_from.format("%T%.6f"),
            slot.rule.as_str()
        )
    };
    slots.iter().map(line).collect()
}

#[test]
fn a_gentle_sender_keeps_this_schedule() {
    let gentle = Profile::gentle();
    let slots = slots(pace(&gentle, UTC, 42), at("2026-03-01T12:00:00Z"), 8, 40);
    insta::assert_snapshot!(lines(&slots), @r"
    01 12:00:13.333333 typing from 12:00:00.000000 (typing)
    01 12:00:56.072415 typing from 12:00:42.739082 (gap)
    01 12:01:48.305499 typing from 12:01:34.972166 (gap)
    01 12:02:37.148280 typing from 12:02:23.814947 (gap)
    01 12:03:08.549366 typing from 12:02:55.216033 (gap)
    01 12:03:33.632241 typing from 12:03:20.298908 (gap)
    01 12:04:13.882739 typing from 12:04:00.549406 (gap)
    01 12:04:40.739951 typing from 12:04:27.406618 (gap)
    ");
}

#[test]
fn a_brisk_sender_keeps_this_schedule() {
    let brisk = Profile::brisk();
    let slots = slots(pace(&brisk, UTC, 42), at("2026-03-01T12:00:00Z"), 5, 40);
    insta::assert_snapshot!(lines(&slots), @r"
    01 12:00:00.666667 typing from 12:00:00.000000 (typing)
    01 12:00:02.509182 typing from 12:00:01.842515 (gap)
    01 12:00:04.662813 typing from 12:00:03.996146 (gap)
    01 12:00:06.706916 typing from 12:00:06.040249 (gap)
    01 12:00:08.156628 typing from 12:00:07.489961 (gap)
    ");
}

#[test]
fn a_capped_sender_goes_on_after_its_own_midnight() {
    let capped = Profile { daily_cap: Some(2), ..Profile::gentle() };
    let slots = slots(pace(&capped, Sao_Paulo, 42), at("2026-03-01T12:00:00Z"), 5, 40);
    insta::assert_snapshot!(lines(&slots), @r"
    01 12:00:13.333333 typing from 12:00:00.000000 (typing)
    01 12:00:56.072415 typing from 12:00:42.739082 (gap)
    02 03:00:13.333333 typing from 03:00:00.000000 (typing)
    02 03:01:02.176114 typing from 03:00:48.842781 (gap)
    03 03:00:13.333333 typing from 03:00:00.000000 (typing)
    ");
}

#[test]
fn the_default_profile_spends_its_two_hundred_in_about_two_and_a_half_hours() {
    let gentle = Profile::gentle();
    let slots = slots(pace(&gentle, UTC, 7), at("2026-03-01T00:00:00Z"), 201, 40);
    let minutes = (slots[199].at - slots[0].at).num_minutes();
    assert!((130..=165).contains(&minutes), "{minutes} minutes");
    assert!(slots[200].at >= at("2026-03-02T00:00:00Z"), "the 201st waits for the next day");
}
