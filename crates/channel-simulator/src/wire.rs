//! The frames of the session protocol, as the simulator's README has them, seen from the client.

use chrono::{DateTime, Utc};
use paceline_domain::{Inbound, PhoneNumber, Receipt, Repeats, WaId};
use serde::{Deserialize, Serialize};
use tokio_tungstenite::tungstenite::Message;

/// The version of the protocol that this client speaks.
pub(crate) const PROTOCOL: u32 = 1;

/// To the server.
#[derive(Serialize, Default)]
pub(crate) struct ClientFrame<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hello: Option<Hello<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) sends: Vec<SendFrame>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) typing: Vec<TypingFrame>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) event_acks: Vec<u64>,
}

#[derive(Serialize)]
pub(crate) struct Hello<'a> {
    pub(crate) protocol: u32,
    pub(crate) phone: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) credentials: Option<&'a str>,
    pub(crate) window: u32,
}

#[derive(Serialize)]
pub(crate) struct SendFrame {
    pub(crate) n: u64,
    pub(crate) id: WaId,
    pub(crate) to: PhoneNumber,
    pub(crate) text: String,
}

#[derive(Serialize)]
pub(crate) struct TypingFrame {
    pub(crate) to: PhoneNumber,
    pub(crate) state: Typing,
}

#[derive(Serialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Typing {
    Composing,
    Paused,
}

impl ClientFrame<'_> {
    pub(crate) fn is_empty(&self) -> bool {
        self.hello.is_none() && self.sends.is_empty() && self.typing.is_empty() && self.event_acks.is_empty()
    }

    pub(crate) fn to_message(&self) -> Message {
        Message::text(serde_json::to_string(self).expect("plain structs of strings and numbers always serialise"))
    }
}

/// From the server. Fields that a newer server adds are skipped.
#[derive(Deserialize, Default)]
pub(crate) struct ServerFrame {
    pub(crate) pairing: Option<PairingFrame>,
    pub(crate) paired: Option<PairedFrame>,
    pub(crate) welcome: Option<WelcomeFrame>,
    #[serde(default)]
    pub(crate) acks: Vec<u64>,
    #[serde(default)]
    pub(crate) nacks: Vec<Nack>,
    #[serde(default)]
    pub(crate) events: Vec<EventFrame>,
    pub(crate) over: Option<Over>,
}

#[derive(Deserialize)]
pub(crate) struct PairingFrame {
    pub(crate) code: String,
    pub(crate) repeats: Repeats,
    pub(crate) at: DateTime<Utc>,
}

#[derive(Deserialize)]
pub(crate) struct PairedFrame {
    pub(crate) credentials: String,
}

#[derive(Deserialize)]
pub(crate) struct WelcomeFrame {
    pub(crate) repeats: Repeats,
    pub(crate) at: DateTime<Utc>,
}

#[derive(Deserialize)]
pub(crate) struct Nack {
    pub(crate) n: u64,
    pub(crate) reason: NackReason,
    pub(crate) until: Option<DateTime<Utc>>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NackReason {
    NotOnWhatsapp,
    Blocked,
    Refused,
    RecipientLimit,
    Throttled,
    Unavailable,
    Suspended,
    Banned,
    Unpaired,
    Over,
}

#[derive(Deserialize)]
pub(crate) struct EventFrame {
    pub(crate) e: u64,
    pub(crate) at: DateTime<Utc>,
    #[serde(flatten)]
    pub(crate) body: EventFrameBody,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EventFrameBody {
    Receipt(ReceiptFrame),
    Inbound(InboundFrame),
}

#[derive(Deserialize)]
pub(crate) struct ReceiptFrame {
    pub(crate) id: WaId,
    pub(crate) kind: paceline_domain::ReceiptKind,
}

#[derive(Deserialize)]
pub(crate) struct InboundFrame {
    pub(crate) id: WaId,
    pub(crate) from: PhoneNumber,
    pub(crate) text: String,
}

#[derive(Deserialize)]
pub(crate) struct Over {
    pub(crate) reason: OverReason,
    pub(crate) until: Option<DateTime<Utc>>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OverReason {
    Replaced,
    LoggedOut,
    Suspended,
    Banned,
    Stopping,
    Protocol,
}

impl From<ReceiptFrame> for Receipt {
    fn from(frame: ReceiptFrame) -> Self {
        Self { id: frame.id, kind: frame.kind }
    }
}

impl From<InboundFrame> for Inbound {
    fn from(frame: InboundFrame) -> Self {
        Self { id: frame.id, from: paceline_domain::Address::phone(frame.from), text: frame.text }
    }
}
