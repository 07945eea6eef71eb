//! Whole-binary scenarios
