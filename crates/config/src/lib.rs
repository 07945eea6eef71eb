#![doc = include_str!("../README.md")]

mod config;
mod explain;
mod keys;
mod layers;
mod pacing;
mod problems;
mod reader;
mod secret;
mod sources;

pub use config::{
    Amqp, ApiClient, Campaigns, ClockSettings, Config, Control, Database, Log, LogFormat, Pacing, QueueKind, Server,
    Sessions, Simulator, SimulatorPlace, Statements, Webhooks, Worker,
};
pub use explain::Explained;
pub use problems::{ConfigProblems, Problem};
pub use secrecy::{ExposeSecret, SecretBox, SecretString};
pub use sources::{ConfigSources, Source};

/// The commented defaults, which are the reference of every key.
pub const DEFAULTS: &str = include_str!("../defaults.toml");
