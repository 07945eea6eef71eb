#![doc = include_str!("../README.md")]

mod counters;
mod cursor;
mod database;
mod events;
mod fault;
mod ledger;
pub mod locks;
pub mod rows;
mod transaction;

pub use counters::{Counts, INSTALLATION, NO_CAMPAIGN};
pub use database::{Database, Steps};
pub use fault::{Fallible, Fault, Then};
pub use ledger::Ledger;
