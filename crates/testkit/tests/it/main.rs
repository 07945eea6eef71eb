//! The kit itself, as other crates use it.

mod clock;
mod waiting;
mod worlds;
