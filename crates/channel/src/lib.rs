#![doc = include_str!("../README.md")]

#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
mod event;
mod session;

pub use error::{OpenError, SendError};
pub use event::{ChannelEvent, EventAck, EventBody};
pub use session::{
    Accepted, Channel, Credentials, OpenedSession, SendRequest, Session, SessionEvents, SessionSetup, TypingState,
};
