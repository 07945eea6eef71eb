//! The simulation's tests.

mod conformance;
mod flaws;
mod replays;
mod seeds;
