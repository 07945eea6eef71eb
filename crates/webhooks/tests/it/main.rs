//! The dispatcher against receivers on loopback and a store that remembers what it was told.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

mod egress;
mod fairness;
mod options;
mod outcomes;
mod receiver;
mod retries;
mod signature;
mod stopping;
mod store;
mod world;
