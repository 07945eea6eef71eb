//! The pure decisions.

mod intents;
mod results;
