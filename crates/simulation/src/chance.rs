//! The one source of chance: every decision of the environment is drawn from it, in the order in which they are asked for.

use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A seeded stream.
pub(crate) struct Chance(ChaCha8Rng);

impl Chance {
    pub(crate) fn of(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Whether something happens that happens so many times in a thousand. What never happens draws nothing.
    pub(crate) fn happens(&mut self, per_mille: u32) -> bool {
        per_mille > 0 && self.0.random_range(0..1_000) < per_mille
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: u32, high: u32) -> u32 {
        self.0.random_range(low..=high.max(low))
    }

    /// A span of milliseconds.
    pub(crate) fn millis(&mut self, low: u32, high: u32) -> Duration {
        Duration::from_millis(u64::from(self.between(low, high)))
    }

    /// A span that is mostly short and sometimes close to the longest.
    pub(crate) fn skewed(&mut self, longest: u32) -> Duration {
        let most = if self.happens(100) { longest } else { longest / 20 };
        self.millis(0, most)
    }

    /// A place among `count`, which must not be zero.
    pub(crate) fn place(&mut self, count: usize) -> usize {
        self.0.random_range(0..count.max(1))
    }

    /// Puts things into another order.
    pub(crate) fn shuffle<T>(&mut self, things: &mut [T]) {
        for last in (1..things.len()).rev() {
            things.swap(last, self.0.random_range(0..=last));
        }
    }

    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.0.random())
    }
}
