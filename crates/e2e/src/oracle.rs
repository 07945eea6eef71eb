//! The oracle: four books are compared, and nobody is believed alone.
//!
//! What clients were told was accepted, what the database says of every message, what the network's journal says was sent and seen,
//! and what arrived as webhooks. It judges books, wherever they come from, so that it can be shown books that are wrong.

mod books;
mod collect;
mod judge;
mod settled;
#[cfg(test)]
mod tests;
mod verdict;

pub use books::{Accepted, AcceptedCampaign, AccountRow, AttemptRow, Books, EventRow, MessageRow};
pub use verdict::{Figures, Finding, UnknownOutcome, Verdict, Wrong};
