//! The worker against the embedded queue, a channel that follows a script, and a store of its roles in memory.
#![expect(clippy::unwrap_used, reason = "a test that finds what it does not expect is to end there")]

mod batches;
mod channel;
mod clock;
mod doubt;
mod house;
mod keyring;
mod leases;
mod outage;
mod pacing;
mod queue;
mod sends;
mod sessions;
mod sharing;
mod store;
