//! The channel to the simulated network
