#![doc = include_str!("../README.md")]

mod protocol;
mod steps;
mod store;
mod world;

pub use protocol::{Protocol, Rule};
pub use steps::Step;
pub use world::World;
