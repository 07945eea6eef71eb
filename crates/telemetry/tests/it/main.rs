//! Logs and metrics through their public surface.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

mod logs;
mod metrics;
