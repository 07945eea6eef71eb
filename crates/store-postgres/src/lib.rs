#![doc = include_str!("../README.md")]

mod attempts;
mod bulk;
mod campaigns;
mod columns;
mod connections;
mod counters;
mod database;
mod dead_letters;
mod deliveries;
mod diagnose;
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

pub use database::PostgresRows;
pub use diagnose::{Finding, Severity, diagnose};
pub use open::{Migrations, OpenError, Passing, PostgresOptions, PostgresStore, Statements, open};
