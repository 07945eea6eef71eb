//! What a session hands out, acknowledged by value.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{Inbound, Receipt};

use crate::Credentials;

/// Something that happened on a session.
pub struct ChannelEvent {
    /// When, in campaign time, as the network says.
    pub at: DateTime<Utc>,
    /// What.
    pub body: EventBody,
    ack: Option<Box<dyn EventAck>>,
}

/// How an adapter acknowledges one event.
#[async_trait]
pub trait EventAck: Send {
    /// The event is safe; the network may forget it. Best effort: an event whose acknowledgement was lost comes again.
    async fn acknowledge(self: Box<Self>);
}

impl ChannelEvent {
    /// An event; `ack` is absent where the network does not repeat.
    pub fn new(at: DateTime<Utc>, body: EventBody, ack: Option<Box<dyn EventAck>>) -> Self {
        Self { at, body, ack }
    }

    /// The event apart from its acknowledgement.
    pub fn split(self) -> (DateTime<Utc>, EventBody, Option<Box<dyn EventAck>>) {
        (self.at, self.body, self.ack)
    }
}

impl std::fmt::Debug for ChannelEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChannelEvent").field("at", &self.at).field("body", &self.body).finish_non_exhaustive()
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventBody {
    /// The session is up.
    Connected,
    /// A phone must accept this code, shown as a QR code. A new one replaces it.
    PairingCode(String),
    /// A phone accepted; the credentials are to be kept for the next opening. `Connected` follows.
    Paired(Credentials),
    /// A receipt for a message that we sent.
    Receipt(Receipt),
    /// A person wrote to us.
    Inbound(Inbound),
    /// WhatsApp bars the number, until a time or for good. The session is over.
    Suspended {
        /// When it ends, in campaign time; `None` when it does not.
        until: Option<DateTime<Utc>>,
    },
    /// The phone ended the session; the credentials are void. The session is over.
    LoggedOut,
    /// Another connection took the session over. The session is over.
    Replaced,
    /// The connection was lost. The session is over; open it again.
    Disconnected,
}
