//! What the broker carries towards a worker: message ids for one sender, never truth.

use serde::{Deserialize, Serialize};

use crate::{Address, Lane, MessageId, SenderId};

/// The fencing token of a sender's lease: grows by one with each new holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub i64);

/// The number of a message's release: grows by one with each claim. A job of an old generation is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generation(pub i32);

/// Messages of one lane for one sender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The sender whose worker takes the job.
    pub sender: SenderId,
    /// The lane of all its messages.
    pub lane: Lane,
    /// The messages, at most 64.
    pub items: Vec<JobItem>,
}

impl Job {
    /// The most messages one job carries.
    pub const MAX_ITEMS: usize = 64;
}

/// One message of a job, with what the worker needs before the intent: whom to show a typing indicator, and how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobItem {
    /// The message.
    pub message: MessageId,
    /// The release that put it into the job.
    pub generation: Generation,
    /// The recipient.
    pub to: Address,
    /// How many characters a person would have typed.
    pub chars: u32,
}
