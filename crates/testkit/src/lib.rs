//! Builders and a hand-moved clock for tests
