#![doc = include_str!("../README.md")]

mod deal;
mod draw;
mod pace;
mod profile;
mod state;

pub use deal::{Room, assign, in_turn};
pub use draw::{Draw, Seed};
pub use pace::{Pace, Rule, Slot, Verdict};
pub use profile::{Gap, Profile, ProfileError, Profiles, Typing};
pub use state::{PaceState, Suspension};
