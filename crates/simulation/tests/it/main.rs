//! The simulation's tests.

#![expect(clippy::tests_outside_test_module, reason = "the modules of this binary are tests")]

mod flaws;
mod replays;
mod seeds;
