//! The failpoints as a process that is armed, or is not, meets them.

mod armed;
mod orders;
