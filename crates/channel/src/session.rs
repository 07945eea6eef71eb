//! Channels and sessions.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use paceline_domain::{Address, ChannelKind, Content, PhoneNumber, Repeats, SenderId, WaId};

use crate::{ChannelEvent, OpenError, SendError};

/// What a session is resumed by. Opaque; sealed before it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials(pub Vec<u8>);

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(hidden)")
    }
}

/// Which session to open.
#[derive(Debug, Clone)]
pub struct SessionSetup {
    /// The sender.
    pub sender: SenderId,
    /// Its number.
    pub phone: PhoneNumber,
    /// What it was paired with; `None` begins to pair.
    pub credentials: Option<Credentials>,
}

/// An open session: the part that sends and the part that listens, usable at the same time.
pub struct OpenedSession {
    /// Sends. Shared by concurrent sends.
    pub session: Arc<dyn Session>,
    /// Hands out events.
    pub events: Box<dyn SessionEvents>,
}

/// A way to reach WhatsApp.
#[async_trait]
pub trait Channel: Send + Sync {
    /// Which one.
    fn kind(&self) -> ChannelKind;

    /// Opens a session. Events that were never acknowledged come again on it.
    async fn open(&self, setup: SessionSetup) -> Result<OpenedSession, OpenError>;
}

/// Sends on an open session.
#[async_trait]
pub trait Session: Send + Sync {
    /// What the network does with a second send of the same id.
    fn repeats(&self) -> Repeats;

    /// Sends one message with the id given, and waits for the network's acceptance, at most `request.timeout`.
    async fn send(&self, request: SendRequest) -> Result<Accepted, SendError>;

    /// Shows or hides the typing indicator. Best effort: a failure is of no consequence to the send.
    async fn show_typing(&self, to: &Address, state: TypingState) -> Result<(), SendError>;

    /// Ends the session in order.
    async fn close(&self);
}

/// Listens on an open session.
#[async_trait]
pub trait SessionEvents: Send {
    /// The next event; `None` when the session is over and no event is left. Cancel-safe.
    async fn next(&mut self) -> Option<ChannelEvent>;
}

/// One message to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendRequest {
    /// The message's id for life.
    pub id: WaId,
    /// The recipient.
    pub to: Address,
    /// What to send.
    pub content: Content,
    /// How long to wait for the answer, in real time; then the outcome is unknown.
    pub timeout: Duration,
}

/// The network took the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The provider's own id for it, where it gives one.
    pub provider_id: Option<String>,
}

/// Whether the indicator shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypingState {
    /// Shown.
    Composing,
    /// Hidden.
    Paused,
}
