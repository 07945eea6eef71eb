#![doc = include_str!("../README.md")]

mod chance;
mod clock;
mod services;
mod stores;
mod waiting;

pub use chance::seeded_minter;
pub use clock::ManualClock;
pub use paceline_store::conformance::builders::{
    AT_ONCE, HOUR, World, accepted, address, claim_of, inbound, noon, phone, receipt, room, session, text,
};
pub use paceline_store_sqlite::testing::{HeldLock, NoLock};
pub use services::{NoServices, TestServices};
pub use stores::{fixture, world};
pub use waiting::eventually;
