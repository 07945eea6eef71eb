#![doc = include_str!("../README.md")]

mod bulk;
mod campaigns;
mod cells;
mod counters;
mod cursor;
mod dead_letters;
mod deliveries;
mod endpoints;
mod error;
mod events;
mod fleet;
mod health;
mod idempotency;
mod intents;
mod leases;
mod messages;
mod migrations;
mod moves;
mod open;
mod plan;
mod recipients;
mod release;
mod resolutions;
mod results;
mod senders;
mod suppressions;
mod sweep;
#[cfg(feature = "testing")]
pub mod testing;
mod transaction;
mod values;
mod workspaces;
mod writer;

pub use open::{OpenError, SqliteOptions, SqliteStore};
