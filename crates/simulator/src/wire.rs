//! The frames of the session protocol, as the README's table has them. A frame may carry several of each kind.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use paceline_domain::{PhoneNumber, Repeats};
use serde::{Deserialize, Serialize};

use crate::{
    RefusalReason,
    outbox::{Body, Event, ReceiptWord},
};

/// The version of the protocol that this server speaks.
pub(crate) const PROTOCOL: u32 = 1;

/// From the client.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClientFrame<'a> {
    #[serde(default)]
    pub(crate) hello: Option<Hello>,
    #[serde(default, borrow)]
    pub(crate) sends: Vec<SendFrame<'a>>,
    #[serde(default, borrow)]
    pub(crate) typing: Vec<TypingFrame<'a>>,
    #[serde(default)]
    pub(crate) event_acks: Vec<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hello {
    pub(crate) protocol: u32,
    pub(crate) phone: PhoneNumber,
    #[serde(default)]
    pub(crate) credentials: Option<String>,
    /// How many events the client takes before it acknowledges one.
    pub(crate) window: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SendFrame<'a> {
    /// The request's number, the client's choice; the answer names it.
    pub(crate) n: u64,
    #[serde(borrow)]
    pub(crate) id: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) to: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) text: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TypingFrame<'a> {
    #[serde(borrow, rename = "to")]
    pub(crate) _to: Cow<'a, str>,
    #[serde(rename = "state")]
    pub(crate) _state: Typing,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Typing {
    Composing,
    Paused,
}

/// From the server.
#[derive(Serialize, Default)]
pub(crate) struct ServerFrame {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pairing: Option<PairingFrame>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) paired: Option<PairedFrame>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) welcome: Option<WelcomeFrame>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) acks: Vec<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) nacks: Vec<Nack>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) events: Vec<EventFrame>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) over: Option<Over>,
}

impl ServerFrame {
    pub(crate) fn is_empty(&self) -> bool {
        let quiet = self.pairing.is_none() && self.paired.is_none() && self.welcome.is_none() && self.over.is_none();
        quiet && self.acks.is_empty() && self.nacks.is_empty() && self.events.is_empty()
    }
}

#[derive(Serialize)]
pub(crate) struct PairingFrame {
    pub(crate) code: String,
    pub(crate) repeats: Repeats,
    /// When the code was made, in campaign time.
    pub(crate) at: DateTime<Utc>,
}

#[derive(Serialize)]
pub(crate) struct PairedFrame {
    pub(crate) credentials: String,
}

#[derive(Serialize)]
pub(crate) struct WelcomeFrame {
    pub(crate) repeats: Repeats,
    /// Campaign time.
    pub(crate) at: DateTime<Utc>,
}

#[derive(Serialize, Debug, Clone, PartialEq, Eq)]
pub(crate) struct Nack {
    pub(crate) n: u64,
    pub(crate) reason: NackReason,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<DateTime<Utc>>,
}

#[derive(Serialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(untagged)]
pub(crate) enum NackReason {
    Refusal(RefusalReason),
    Session(SessionNack),
}

#[derive(Serialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SessionNack {
    Suspended,
    Banned,
    Unpaired,
    Over,
}

#[derive(Serialize, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Over {
    pub(crate) reason: OverReason,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<DateTime<Utc>>,
}

impl Over {
    pub(crate) const fn because(reason: OverReason) -> Self {
        Self { reason, until: None }
    }
}

#[derive(Serialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OverReason {
    Replaced,
    LoggedOut,
    Suspended,
    Banned,
    Stopping,
    Protocol,
}

#[derive(Serialize)]
pub(crate) struct EventFrame {
    e: u64,
    at: DateTime<Utc>,
    #[serde(flatten)]
    body: EventFrameBody,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum EventFrameBody {
    Receipt { id: Box<str>, kind: ReceiptWord },
    Inbound { id: Box<str>, from: Box<str>, text: Box<str> },
}

impl EventFrame {
    pub(crate) fn new(number: u64, event: Event) -> Self {
        let body = match event.body {
            Body::Receipt { id, kind } => EventFrameBody::Receipt { id, kind },
            Body::Inbound { id, from, text } => EventFrameBody::Inbound { id, from, text },
        };
        Self { e: number, at: event.at, body }
    }
}
