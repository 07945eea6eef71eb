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
mod intents;
mod leases;
mod ledger;
pub mod locks;
mod messages;
mod moves;
mod plan;
mod recipients;
mod release;
mod resolutions;
mod results;
pub mod rows;
mod senders;
mod suppressions;
mod sweep;
mod transaction;
mod waiting;
mod workspaces;

pub use counters::{Counts, INSTALLATION, NO_CAMPAIGN};
pub use database::{Database, Steps};
pub use fault::{Fallible, Fault, Then};
pub use intents::{IntentCandidate, IntentDecision, decide};
pub use ledger::Ledger;
pub use results::{Settlement, settle, settle_receipt};
