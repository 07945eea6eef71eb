#![doc = include_str!("../README.md")]

mod agenda;
mod connection;
mod draw;
mod faults;
mod http;
mod journal;
mod log;
mod network;
mod options;
mod outbox;
mod people;
mod registry;
mod script;
mod server;
mod token;
mod wire;

pub use faults::{FaultError, FaultId, FaultKind, FaultRequest, FaultView, RefusalReason};
pub use journal::{InboxItem, JournalLine, JournalSummary};
pub use network::{AdminError, Pending, SenderView};
pub use options::{
    Acceptance, Delay, Exposure, NumberConvention, PairingOptions, PeopleOptions, ReceiptTiming, RenderMetrics,
    SimulatorOptions,
};
pub use people::PersonView;
pub use script::ScriptError;
pub use server::{Simulator, SimulatorHandle, StartError};
