//! The simulation's tests.

mod flaws;
mod replays;
mod seeds;
