//! Scenarios against the real binary, and tests of the house itself.

mod house;
