#![doc = include_str!("../README.md")]

mod api;
mod auth;
mod body;
mod campaigns;
mod cursor;
mod dead_letters;
mod document;
mod endpoints;
mod etag;
mod events;
mod fleet;
mod health;
mod idempotency;
mod ids;
mod keys;
mod known;
mod messages;
mod observe;
mod params;
mod phones;
mod problem;
mod routes;
mod schemas;
mod senders;
mod server;
mod sign_in;
mod suppressions;
mod tee;
mod times;
mod validate;
mod why;
mod workspace;

pub use api::{ApiDeps, ApiOptions};
pub use document::openapi;
pub use health::{
    OperationsDeps, ProbeResult, ReadinessProbe, no_pages, operations_router, waiting_router, with_refusals,
};
pub use keys::{ApiKeySecret, ParseKeyError};
pub use routes::router;
pub use server::{Server, ServerDeps, ServerLimits, Timeouts};
pub use sign_in::{SIGN_IN_LINK_LIFE, sign_in_link};
