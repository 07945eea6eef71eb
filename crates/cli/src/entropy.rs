//! The only place that asks the operating system for randomness.

/// A seed that nobody can guess: everything secret is drawn from it.
pub(crate) fn seed() -> anyhow::Result<[u8; 32]> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| anyhow::anyhow!("the operating system gives no randomness: {error}"))?;
    Ok(seed)
}
