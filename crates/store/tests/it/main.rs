//! The pure decisions that both adapters share, and the completeness of the suite that both expand.

mod intents;
mod results;
mod suite;
