//! What a worker reports back: outcomes, receipts, incoming messages, session changes.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Address, AttemptNumber, Epoch, MessageId, Outcome, SenderId, WaId, words::words};

/// Names a result for life: a repeated publish carries the same one, so that the inbox drops the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResultId([u8; 16]);

impl ResultId {
    /// The bytes that stores keep.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }
}

/// One thing that a worker reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerResult {
    /// The sender it happened on.
    pub sender: SenderId,
    /// When it happened, in campaign time.
    pub at: DateTime<Utc>,
    /// What happened.
    pub body: ResultBody,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ResultBody {
    /// An attempt ended.
    Attempt {
        /// The message.
        message: MessageId,
        /// Which attempt of it.
        attempt: AttemptNumber,
        /// The lease epoch of whoever says so.
        epoch: Epoch,
        /// How it ended.
        #[serde(flatten)]
        outcome: Outcome,
    },
    /// A receipt for a message that we sent.
    Receipt(Receipt),
    /// A person wrote to us.
    Inbound(Inbound),
    /// The sender's session changed.
    Session(SessionChange),
}

/// A receipt for a message that we sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The id the receipt names: ours, or the provider's.
    pub id: WaId,
    /// What it says.
    #[serde(rename = "receipt")]
    pub kind: ReceiptKind,
}

words! {
    /// What a receipt says.
    pub enum ReceiptKind("receipt kind") {
        /// It reached the device.
        Delivered = "delivered",
        /// It was opened.
        Read = "read",
        /// It will not be delivered.
        Failed = "failed",
    }
}

/// A message from a person.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inbound {
    /// The id the network gave it, unique for this sender.
    pub id: WaId,
    /// Who wrote.
    pub from: Address,
    /// What they wrote.
    pub text: String,
}

impl fmt::Debug for Inbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbound").field("id", &self.id).finish_non_exhaustive()
    }
}

words! {
    /// Where a sender's session stands.
    pub enum SessionState("session state") {
        /// No credentials: a phone must accept the pairing code.
        Unpaired = "unpaired",
        /// A pairing code is shown.
        Pairing = "pairing",
        /// Up.
        Connected = "connected",
        /// Down; the worker reconnects.
        Disconnected = "disconnected",
        /// Another connection took the session over.
        Replaced = "replaced",
        /// The phone ended the session; it must be paired again.
        LoggedOut = "logged_out",
        /// WhatsApp bars the number until a time.
        Suspended = "suspended",
        /// WhatsApp bars the number for good.
        Banned = "banned",
    }
}

/// A change of a sender's session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionChange {
    /// The state it is in now.
    pub state: SessionState,
    /// The pairing code to show as a QR code, while pairing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pairing_code: Option<String>,
    /// Until when WhatsApp bars the number, when suspended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// What the network said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl WorkerResult {
    /// The result's id, a function of what it reports.
    pub fn id(&self) -> ResultId {
        let mut hash = Sha256::new();
        hash.update(self.sender.to_bytes());
        match &self.body {
            ResultBody::Attempt { message, attempt, epoch, outcome } => {
                hash.update(b"attempt");
                hash.update(message.to_bytes());
                hash.update(attempt.to_be_bytes());
                // What a former holder says, and nobody believes, must not pass for what the present one says.
                hash.update(epoch.0.to_be_bytes());
                hash.update(outcome.as_str());
            }
            ResultBody::Receipt(receipt) => {
                hash.update(b"receipt");
                hash.update(receipt.kind.as_str());
                hash.update(receipt.id.as_str());
            }
            ResultBody::Inbound(inbound) => {
                hash.update(b"inbound");
                hash.update(inbound.id.as_str());
            }
            ResultBody::Session(change) => {
                hash.update(b"session");
                hash.update(change.state.as_str());
                hash.update(self.at.timestamp_micros().to_be_bytes());
                hash.update(change.pairing_code.as_deref().unwrap_or(""));
            }
        }
        let digest = hash.finalize();
        ResultId(std::array::from_fn(|index| digest[index]))
    }

    /// Which of `shards` result queues carries it: all of a sender's results share one, so that they keep their order.
    pub fn shard(&self, shards: u16) -> u16 {
        let bytes = self.sender.to_bytes();
        let tail = u16::from_be_bytes([bytes[14], bytes[15]]);
        tail % shards.max(1)
    }
}
