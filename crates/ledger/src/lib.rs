#![doc = include_str!("../README.md")]

mod counters;
mod database;
mod events;
mod fault;
mod intents;
mod ledger;
pub mod locks;
mod moves;
mod release;
mod resolutions;
mod results;
pub mod rows;
mod suppressions;
mod sweep;
mod transaction;
mod waiting;

pub use counters::{Counts, INSTALLATION, NO_CAMPAIGN};
pub use database::{Database, Steps};
pub use fault::{Fallible, Fault, Then};
pub use intents::{IntentCandidate, IntentDecision, decide};
pub use ledger::Ledger;
pub use results::{Settlement, settle, settle_receipt};
