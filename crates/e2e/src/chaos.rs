//! Chaos: real processes under load, and at moments drawn from a seed everything that can go wrong. Then the oracle is asked.
//!
//! One seed draws one list of faults: their kinds, their order, their victims and the gaps between them. What they meet is up to the
//! machine, so that two runs of one seed are alike and never the same.

mod arena;
mod drain;
mod draw;
mod fault;
mod load;
mod members;
mod memory;
mod people;
mod recovery;
mod report;
mod run;
mod services;
mod strike;
mod tail;

pub use draw::Faults;
pub use fault::{Fault, Manner, Service, Victim};
pub use report::Report;
pub use run::{Options, run};
