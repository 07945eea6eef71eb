#![doc = include_str!("../README.md")]

mod attempts;
mod bulk;
mod campaigns;
mod columns;
mod counters;
mod database;
mod dead_letters;
mod deliveries;
mod endpoints;
mod error;
mod events;
mod fleet;
mod gates;
mod health;
mod idempotency;
mod leases;
mod messages;
mod migrations;
mod open;
mod plan;
mod prelude;
mod purge;
mod release;
mod resolutions;
mod results;
mod senders;
mod statements;
mod suppressions;
#[cfg(feature = "testing")]
pub mod testing;
mod transaction;
mod uploads;
mod values;
mod waiting;
mod workspaces;
mod writer;

pub use database::SqliteRows;
pub use open::{OpenError, SqliteOptions, SqliteStore, open};
