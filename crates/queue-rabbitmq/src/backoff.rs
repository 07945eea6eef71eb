//! Growing pauses with full jitter that is a function of who waits and how often, so that a fleet does not come back in one moment.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(15);

/// The pauses of one who tries again and again, without end.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    seed: u64,
    // Counts on for ever: the draw of each pause is another.
    draws: u64,
    attempt: u32,
}

impl Backoff {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seed, draws: 0, attempt: 0 }
    }

    /// The next pause: anything up to a bound that doubles each time.
    pub(crate) fn next_pause(&mut self) -> Duration {
        let bound = FIRST.saturating_mul(1 << self.attempt.min(16)).min(LONGEST);
        self.attempt = self.attempt.saturating_add(1);
        self.draws = self.draws.wrapping_add(1);
        let share = u32::try_from(mix(self.seed ^ mix(self.draws)) >> 32).unwrap_or(0);
        bound.mul_f64(f64::from(share) / f64::from(u32::MAX))
    }

    /// Begins again with the first bound.
    pub(crate) const fn reset(&mut self) {
        self.attempt = 0;
    }
}

/// `SplitMix64`'s finaliser (Steele, Lea and Flood, OOPSLA 2014).
pub(crate) const fn mix(value: u64) -> u64 {
    let mut mixed = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(seed: u64) -> Vec<Duration> {
        let mut backoff = Backoff::new(seed);
        (0..40).map(|_| backoff.next_pause()).collect()
    }

    #[test]
    fn pauses_stay_below_a_bound_that_doubles_up_to_the_longest() {
        let mut bound = FIRST;
        for pause in pauses(1) {
            assert!(pause <= bound, "{pause:?} of {bound:?}");
            bound = (bound * 2).min(LONGEST);
        }
    }

    #[test]
    fn the_same_seed_waits_the_same_and_another_one_differently() {
        assert_eq!(pauses(1), pauses(1));
        assert_ne!(pauses(1), pauses(2));
    }
}
