//! Chance without a stream: a draw is a function of what it is for, so that it can be repeated years later.

use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;
use rand_distr::{Distribution, LogNormal};
use serde::{Deserialize, Serialize};

use paceline_domain::{AttemptNumber, MessageId};

use crate::{Gap, profile::seconds_within};

/// A sender's seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seed(pub i64);

/// What a draw is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw {
    /// The message.
    pub message: MessageId,
    /// Which attempt of it.
    pub attempt: AttemptNumber,
}

impl Draw {
    /// The generator for one rule: ChaCha keyed by seed, message, rule and attempt.
    fn generator(self, seed: Seed, rule: u16) -> ChaCha12Rng {
        let mut key = [0_u8; 32];
        key[..8].copy_from_slice(&seed.0.to_be_bytes());
        key[8..24].copy_from_slice(&self.message.to_bytes());
        key[24..26].copy_from_slice(&rule.to_be_bytes());
        key[26..30].copy_from_slice(&self.attempt.to_be_bytes());
        ChaCha12Rng::from_seed(key)
    }

    /// The pause after this message.
    pub(crate) fn gap(self, seed: Seed, gap: &Gap) -> std::time::Duration {
        const RULE: u16 = 1;
        let drawn = LogNormal::new(gap.median_seconds.ln(), gap.sigma)
            .map_or(gap.median_seconds, |shape| shape.sample(&mut self.generator(seed, RULE)));
        seconds_within(drawn, gap.min_seconds, gap.max_seconds)
    }
}
