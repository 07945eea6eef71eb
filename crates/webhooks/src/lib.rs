#![doc = include_str!("../README.md")]

mod client;
mod dispatcher;
mod figures;
mod options;
mod post;
mod resolver;
mod schedule;

pub use dispatcher::{WebhookDeps, Webhooks};
pub use options::{WebhookOptions, WebhooksError};
