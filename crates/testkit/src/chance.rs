//! Chance that repeats itself.

use std::sync::Arc;

use paceline_domain::Minter;

/// A minter whose ids are a function of `seed`, the order of calls and the times given.
pub fn seeded_minter(seed: u64) -> Arc<Minter> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    Arc::new(Minter::new(bytes))
}
