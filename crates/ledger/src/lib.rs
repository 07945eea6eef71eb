#![doc = include_str!("../README.md")]

mod campaigns;
mod counters;
mod cursor;
mod database;
mod dead_letters;
mod deliveries;
mod endpoints;
mod events;
mod fault;
mod fleet;
mod health;
mod idempotency;
mod leases;
mod ledger;
pub mod locks;
mod messages;
mod plan;
mod recipients;
pub mod rows;
mod senders;
mod transaction;
mod workspaces;

pub use counters::{Counts, INSTALLATION, NO_CAMPAIGN};
pub use database::{Database, Steps};
pub use fault::{Fallible, Fault, Then};
pub use ledger::Ledger;
