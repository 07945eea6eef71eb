//! Chance as a function of (seed, rule, names): never the next value of a stream, so that the order of calls is of no
//! consequence and a run can be repeated.

use sha2::{Digest, Sha256};

/// Draws from one seed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Draw {
    seed: u64,
}

impl Draw {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// 32 bytes, a function of the seed, the rule and the names.
    pub(crate) fn bytes(self, rule: &str, names: &[&str]) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.seed.to_le_bytes());
        hash.update(rule);
        for name in names {
            hash.update([0]);
            hash.update(name);
        }
        hash.finalize().into()
    }

    /// Lower-case hexadecimal of the first 16 bytes.
    pub(crate) fn hex(self, rule: &str, names: &[&str]) -> String {
        hex(&self.bytes(rule, names)[..16])
    }

    /// Uniform in [0, 1).
    pub(crate) fn unit(self, rule: &str, names: &[&str]) -> f64 {
        unit(&self.bytes(rule, names)[..8])
    }

    /// One of `choices`.
    pub(crate) fn pick<T: Copy>(self, rule: &str, names: &[&str], choices: &[T]) -> Option<T> {
        let bytes = self.bytes(rule, names);
        let index = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
        choices.get(index % choices.len().max(1)).copied()
    }

    /// Log-normal with this median, by the Box-Muller transform.
    pub(crate) fn log_normal(self, rule: &str, names: &[&str], delay: crate::Delay) -> f64 {
        let bytes = self.bytes(rule, names);
        let radius = (-2.0 * (1.0 - unit(&bytes[..8])).ln()).sqrt();
        let normal = radius * (std::f64::consts::TAU * unit(&bytes[8..16])).cos();
        delay.median_seconds * (delay.sigma * normal).exp()
    }
}

#[expect(clippy::cast_precision_loss, reason = "53 bits fit an f64 exactly")]
fn unit(bytes: &[u8]) -> f64 {
    let word = bytes.iter().fold(0_u64, |word, &byte| (word << 8) | u64::from(byte));
    (word >> 11) as f64 / (1_u64 << 53) as f64
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::Draw;
    use crate::Delay;

    #[test]
    fn a_draw_is_a_function_of_seed_rule_and_names() {
        let draw = Draw::new(7);
        assert_eq!(draw.hex("a", &["x", "y"]), draw.hex("a", &["x", "y"]));
        assert_ne!(draw.hex("a", &["x", "y"]), draw.hex("a", &["xy"]));
        assert_ne!(draw.hex("a", &["x"]), Draw::new(8).hex("a", &["x"]));
    }

    #[test]
    fn half_of_the_delays_are_below_the_median() {
        let draw = Draw::new(7);
        let delay = Delay { median_seconds: 300.0, sigma: 1.5 };
        let below = (0..4000).filter(|n| draw.log_normal("d", &[&n.to_string()], delay) < 300.0).count();
        assert!((1880..2120).contains(&below), "{below} of 4000 below the median");
    }
}
