//! The generic cell rate algorithm against its definition.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use paceline_pacing::Gcra;
use proptest::prelude::*;

use crate::at;

/// Sends as early as the limit allows, after pauses of its own, and tells when.
fn send_eagerly(limit: Gcra, pauses: &[u64]) -> Vec<DateTime<Utc>> {
    let mut arrival = None;
    let mut now = at("2026-03-01T12:00:00Z");
    pauses
        .iter()
        .map(|&millis| {
            now = limit.earliest(arrival, now + Duration::from_millis(millis));
            arrival = Some(limit.spend(arrival, now));
            now
        })
        .collect()
}

#[test]
fn a_burst_goes_at_once_and_the_next_waits_one_period() {
    let limit = Gcra { period: Duration::from_secs(2), burst: 3 };
    let start = at("2026-03-01T12:00:00Z");
    let sent: Vec<_> = send_eagerly(limit, &[0; 5]).into_iter().map(|sent| (sent - start).num_seconds()).collect();
    assert_eq!(sent, [0, 0, 0, 2, 4]);
}

#[test]
fn a_burst_of_nothing_counts_as_one() {
    let limit = Gcra { period: Duration::from_secs(1), burst: 0 };
    let start = at("2026-03-01T12:00:00Z");
    let sent: Vec<_> = send_eagerly(limit, &[0; 3]).into_iter().map(|sent| (sent - start).num_seconds()).collect();
    assert_eq!(sent, [0, 1, 2]);
}

#[test]
fn rest_earns_the_burst_back_and_no_more() {
    let limit = Gcra { period: Duration::from_secs(1), burst: 2 };
    let start = at("2026-03-01T12:00:00Z");
    let sent: Vec<_> =
        send_eagerly(limit, &[0, 0, 3_600_000, 0, 0]).into_iter().map(|sent| (sent - start).num_seconds()).collect();
    assert_eq!(sent, [0, 0, 3_600, 3_600, 3_601]);
}

#[test]
fn a_limit_without_end_does_not_overflow() {
    let limit = Gcra { period: Duration::MAX, burst: u32::MAX };
    let now = at("2026-03-01T12:00:00Z");
    let arrival = limit.spend(None, now);
    assert_eq!(limit.earliest(Some(arrival), now), now);
}

proptest! {
    #[test]
    fn no_span_holds_more_than_its_share_and_the_burst(
        period_ms in 1..5_000_u64, burst in 1..20_u32, pauses in prop::collection::vec(0..10_000_u64, 2..80),
    ) {
        let limit = Gcra { period: Duration::from_millis(period_ms), burst };
        let sent = send_eagerly(limit, &pauses);
        for (index, &first) in sent.iter().enumerate() {
            for (later, &last) in sent.iter().enumerate().skip(index) {
                let units = u64::try_from(later - index).expect("few") + 1;
                let span = u64::try_from((last - first).num_milliseconds()).expect("time goes on");
                prop_assert!(units <= u64::from(burst) + span / period_ms, "{units} units in {span} ms");
            }
        }
    }

    #[test]
    fn a_sender_that_keeps_to_the_period_never_waits(period_ms in 1..5_000_u64, burst in 1..20_u32, count in 1..50_usize) {
        let limit = Gcra { period: Duration::from_millis(period_ms), burst };
        let sent = send_eagerly(limit, &vec![period_ms; count]);
        for pair in sent.windows(2) {
            prop_assert_eq!(pair[1] - pair[0], TimeDelta::from_std(limit.period).expect("short"));
        }
    }

    #[test]
    fn the_earliest_time_is_never_past(period_ms in 1..5_000_u64, burst in 1..20_u32, ahead_ms in -100_000..100_000_i64) {
        let limit = Gcra { period: Duration::from_millis(period_ms), burst };
        let now = at("2026-03-01T12:00:00Z");
        prop_assert!(limit.earliest(Some(now + TimeDelta::milliseconds(ahead_ms)), now) >= now);
    }
}
