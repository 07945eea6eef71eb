//! The channel against the real simulator, in this process.

mod conformance;
mod trouble;
mod world;
