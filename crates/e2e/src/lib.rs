#![doc = include_str!("../README.md")]

mod api;
mod audience;
mod cable;
pub mod chaos;
mod deployment;
mod error;
mod figures;
mod installation;
mod network;
pub mod oracle;
mod process;
mod processes;
mod receiver;
mod stack;
mod stage;
mod wait;
mod world;

pub use api::{Answer, Api};
pub use audience::{Audience, TEXT_MARK};
pub use cable::Cable;
pub use deployment::{Deployment, Server};
pub use error::{ScenarioError, ScenarioResult};
pub use figures::{cores, processes_of, proportional_kib, resident_kib};
pub use installation::Installation;
pub use network::{InboxItem, JournalLine, Network, NetworkSummary};
pub use process::Process;
pub use receiver::{Delivered, Receiver};
pub use stack::Stack;
pub use stage::Stage;
pub use wait::{eventually, unchanged};
pub use world::{People, World};
