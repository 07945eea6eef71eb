#![doc = include_str!("../README.md")]

mod books;
mod broker;
mod chance;
mod channel;
mod clock;
mod figures;
mod flaw;
mod memory;
mod network;
mod node;
mod oracle;
mod queue;
mod run;
mod scenario;
mod store;
mod storm;
mod trace;
mod weather;
mod world;

pub use figures::Figures;
pub use flaw::Flaw;
pub use memory::Memory;
pub use run::run;
pub use trace::Keep;

/// What became of a run.
#[derive(Debug)]
pub struct Report {
    /// Its seed.
    pub seed: u64,
    /// What the oracle found wrong; nothing, or there is a defect.
    pub wrongs: Vec<String>,
    /// The hash of the trace: equal for equal seeds.
    pub hash: u64,
    /// The trace, when it was kept.
    pub lines: Vec<String>,
    /// How much happened.
    pub figures: Figures,
}
