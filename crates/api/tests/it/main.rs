//! The API as a client sees it: requests in, answers out, against a real SQLite store.

mod app;
mod auth;
mod campaigns;
mod events;
mod health;
mod idempotency;
mod messages;
mod moves;
mod openapi;
mod preview;
mod refusals;
mod report;
mod senders;
mod suppressions;
mod uploads;
mod webhooks;
