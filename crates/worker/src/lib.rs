#![doc = include_str!("../README.md")]

mod actor;
mod backoff;
mod context;
mod gate;
mod keyring;
mod lease;
mod meters;
mod options;
mod report;
mod send;
mod session;
mod store;
mod supervisor;
mod worker;

pub use keyring::{KeyringError, SessionKey, SessionKeyring};
pub use options::{WorkerDeps, WorkerOptions};
pub use store::WorkerStore;
pub use worker::Worker;
