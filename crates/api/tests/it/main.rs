//! The API as a client sees it: requests in, answers out, against a real SQLite store.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test where it cannot go on")]

mod app;
mod audience;
mod auth;
mod campaigns;
mod connections;
mod dead_letters;
mod events;
mod fleet;
mod health;
mod idempotency;
mod messages;
mod moves;
mod openapi;
mod preview;
mod refusals;
mod report;
mod resolutions;
mod senders;
mod sign_in;
mod strictness;
mod suppressions;
mod uploads;
mod webhooks;
