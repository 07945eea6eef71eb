//! The simulated network through its public surface: HTTP, WebSocket frames, and the handle.

mod admin;
mod clock;
mod faults;
mod journal;
mod people;
mod restart;
mod sessions;
mod world;
