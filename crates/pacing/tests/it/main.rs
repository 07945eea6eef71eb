//! What the pacer promises, proved through its public surface.

mod days;
mod gaps;
mod profiles;
mod schedules;
mod verdicts;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use paceline_domain::MessageId;
use paceline_pacing::{Draw, Pace, PaceState, Profile, Seed, Slot, Suspension, Verdict};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("the time is RFC 3339")
}

fn message(number: u64) -> MessageId {
    let mut bytes = [0; 16];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    MessageId::from_bytes(bytes)
}

const fn pace(profile: &Profile, zone: Tz, seed: i64) -> Pace<'_> {
    Pace { profile, zone, seed: Seed(seed) }
}

fn suspension(until: Option<DateTime<Utc>>) -> Suspension {
    Suspension { until }
}

/// The slots of `count` messages of `chars` characters that are taken up one after the other, waiting wherever the pacer
/// says so.
fn slots(pace: Pace<'_>, mut now: DateTime<Utc>, count: u64, chars: u32) -> Vec<Slot> {
    let mut state = PaceState::default();
    let mut slots = Vec::new();
    for number in 0..count {
        let slot = loop {
            match pace.verdict(&state, None, chars, now) {
                Verdict::Send(slot) => break slot,
                Verdict::Wait { until, .. } => {
                    assert!(until > now, "a wait lies ahead");
                    now = until;
                }
                Verdict::Suspended { .. } => panic!("nothing suspends this sender"),
            }
        };
        state = pace.spend(&state, Draw { message: message(number), attempt: 1 }, slot.at);
        now = slot.at + TimeDelta::milliseconds(3);
        slots.push(slot);
    }
    slots
}
