#![doc = include_str!("../README.md")]

mod actor;
mod backlog;
mod backoff;
mod ceiling;
mod connection;
mod consuming;
mod context;
mod gate;
mod intake;
mod intent;
mod keyring;
mod lease;
mod leasing;
mod meters;
mod missing;
mod options;
mod paced;
mod pump;
mod reporter;
mod roll;
mod settle;
mod store;
mod ticket;
mod transmit;
mod unpaced;
mod worker;

pub use keyring::{KeyringError, SessionKey, SessionKeyring};
pub use options::{WorkerDeps, WorkerOptions};
pub use store::WorkerStore;
pub use worker::Worker;
