#![doc = include_str!("../README.md")]

mod channel;
mod connection;
mod events;
mod sends;
mod session;
mod wire;

pub use channel::SimulatorChannel;
