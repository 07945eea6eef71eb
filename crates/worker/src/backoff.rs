//! Growing pauses with jitter that is a function of who waits and how often, so that a fleet does not come back in one moment
//! and a replay waits the same.

use std::time::Duration;

use paceline_domain::{Epoch, SenderId};

/// The longest pause.
const LONGEST: Duration = Duration::from_mins(1);

/// The pauses of one who tries again and again.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    seed: u64,
    first: Duration,
    attempt: u32,
}

impl Backoff {
    /// For a sender's session under one lease.
    pub(crate) fn of_sender(sender: SenderId, epoch: Epoch, first: Duration) -> Self {
        let bytes = sender.to_bytes();
        let (high, low) = bytes.split_at(8);
        let fold = |half: &[u8]| half.iter().fold(0_u64, |folded, &byte| (folded << 8) | u64::from(byte));
        Self { seed: mix(fold(high) ^ mix(fold(low) ^ epoch.0.unsigned_abs())), first, attempt: 0 }
    }

    /// For a part of the process that exists once.
    pub(crate) const fn new(first: Duration) -> Self {
        Self { seed: 0, first, attempt: 0 }
    }

    /// The next pause: doubles each time, between half and the whole of it by the draw.
    pub(crate) fn next_pause(&mut self) -> Duration {
        let whole = self.first.saturating_mul(1 << self.attempt.min(16)).min(LONGEST);
        self.attempt = self.attempt.saturating_add(1);
        let share = u32::try_from(mix(self.seed ^ u64::from(self.attempt)) >> 33).unwrap_or(0);
        whole.mul_f64(0.5 + 0.5 * f64::from(share) / f64::from(1_u32 << 31))
    }

    /// Begins again with the first pause.
    pub(crate) const fn reset(&mut self) {
        self.attempt = 0;
    }
}

/// `SplitMix64`'s finaliser (Steele, Lea and Flood, OOPSLA 2014).
const fn mix(value: u64) -> u64 {
    let mut mixed = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(sender: u8) -> Vec<Duration> {
        let mut backoff = Backoff::of_sender(SenderId::from_bytes([sender; 16]), Epoch(3), Duration::from_secs(1));
        (0..9).map(|_| backoff.next_pause()).collect()
    }

    #[test]
    fn pauses_double_up_to_a_minute_with_jitter_below() {
        for (pause, whole) in pauses(1).into_iter().zip([1, 2, 4, 8, 16, 32, 60, 60, 60]) {
            let whole = Duration::from_secs(whole);
            assert!(whole / 2 <= pause && pause <= whole, "{pause:?} of {whole:?}");
        }
    }

    #[test]
    fn the_same_sender_waits_the_same_and_another_one_differently() {
        assert_eq!(pauses(1), pauses(1));
        assert_ne!(pauses(1), pauses(2));
    }
}
