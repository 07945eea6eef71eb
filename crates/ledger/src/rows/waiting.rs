//! Messages that wait: their claims, and what ties them to senders.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{MessageId, SenderId};
use paceline_store::release::Claim;

use crate::{Fallible, locks::Locked, rows::Binding};

/// A message that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingRow {
    /// The row.
    pub seq: i64,
    /// The message.
    pub id: MessageId,
    /// The sender that it is bound to for the time being, or for good.
    pub sender: Option<SenderId>,
    /// What ties it to that sender.
    pub binding: Binding,
    /// Not to be sent before this; 1970: at once.
    pub not_before: DateTime<Utc>,
    /// What it waits for.
    pub waits_for: Option<String>,
}

/// Which messages that wait.
#[derive(Debug, Clone, Copy)]
pub enum Waiting<'t> {
    /// Those whose claims have these generations and are not given back.
    Claimed(&'t [Claim]),
    /// Those whose last claims had these generations and are given back.
    GivenBack(&'t [Claim]),
    /// Those that are claimed for these senders.
    ClaimedFor(&'t [SenderId]),
    /// Those that are claimed for a sender, for no longer than `left` from now. Skips what others hold.
    ClaimedUntil {
        /// The sender.
        sender: SenderId,
        /// How long from now.
        left: Duration,
    },
    /// At most `limit` of those whose claims have run out. Skips what others hold.
    RunOut {
        /// The most.
        limit: u32,
    },
    /// At most `limit` of those that are claimed.
    AnyClaimed {
        /// The most.
        limit: u32,
    },
    /// At most `limit` of those that are bound to these senders, claimed or not, with a higher `seq` than `after`.
    BoundTo {
        /// The senders.
        senders: &'t [SenderId],
        /// The last one seen; 0: none.
        after: i64,
        /// The most.
        limit: u32,
    },
    /// At most `limit` of those that are bound to a sender although it is in no pool that they may be sent from, and although nobody
    /// asked for that sender; with a higher `seq` than `after`.
    OutsidePools {
        /// The sender.
        sender: SenderId,
        /// The last one seen; 0: none.
        after: i64,
        /// The most.
        limit: u32,
    },
}

/// What a message that waits is from now on. It is not claimed any more.
#[derive(Debug)]
pub struct WaitingWrite<'t> {
    /// The message.
    pub message: &'t Locked<WaitingRow>,
    /// The sender that it stays bound to.
    pub sender: Option<SenderId>,
    /// What ties it to that sender.
    pub binding: Binding,
    /// Not to be sent before this.
    pub not_before: DateTime<Utc>,
    /// What it waits for.
    pub waits_for: Option<&'t str>,
}

/// Statements of a transaction.
#[async_trait]
pub trait WaitingRows {
    /// Locks messages that wait, by `seq`.
    async fn lock_waiting(&mut self, which: Waiting<'_>) -> Fallible<Vec<Locked<WaitingRow>>>;

    /// Changes messages that wait, and ends their claims.
    async fn write_waiting(&mut self, writes: &[WaitingWrite<'_>]) -> Fallible<()>;
}
