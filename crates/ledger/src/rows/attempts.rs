//! Attempts: intents and outcomes.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{
    Address, AddressHash, AttemptNumber, Epoch, Lane, MessageId, Outcome, SenderId, SuppressionScope, WaId, WorkerId,
};
use paceline_pacing::PaceState;
use paceline_store::messages::Attempt;

use crate::{
    Fallible,
    locks::Locked,
    rows::{MessageRow, SenderRow},
};

/// An attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRow {
    /// The row.
    pub seq: i64,
    /// The message.
    pub message: MessageId,
    /// The attempt's number.
    pub number: AttemptNumber,
    /// Its present epoch.
    pub epoch: Epoch,
}

/// An open attempt that the next holder of its sender takes over. The suppression is that behind the person's gate.
#[derive(Debug)]
pub struct AdoptableRow {
    /// The attempt.
    pub attempt: Locked<AttemptRow>,
    /// Its outcome and when it ended, when that is known.
    pub outcome: Option<(Outcome, DateTime<Utc>)>,
    /// The message's lane.
    pub lane: Lane,
    /// The recipient.
    pub to: Address,
    /// The WhatsApp id of all attempts of the message.
    pub wa_id: WaId,
    /// What it says, as JSON.
    pub content: String,
    /// How far the suppression of the recipient reaches.
    pub suppression: Option<SuppressionScope>,
}

/// The intents of one sender.
#[derive(Debug)]
pub struct IntentWrites<'t> {
    /// The sender.
    pub sender: &'t Locked<SenderRow>,
    /// Its pace after them.
    pub pace: &'t PaceState,
    /// The messages, each with the number of its attempt: they are `sending` from now on, and released no more.
    pub granted: &'t [(&'t Locked<MessageRow>, AttemptNumber)],
    /// The process.
    pub worker: WorkerId,
    /// The epoch of the lease.
    pub epoch: Epoch,
    /// Now, in campaign time.
    pub now: DateTime<Utc>,
    /// The version of the profile.
    pub profile_version: u32,
    /// The inputs of the pacing decision, as JSON.
    pub pace_inputs: &'t str,
}

/// Of whom an outcome is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Believed {
    /// Whoever says so.
    OfAnyone,
    /// The attempt's present holder, which is known by its epoch.
    OfTheHolder,
}

/// The outcome of an attempt.
#[derive(Debug)]
pub struct OutcomeWrite<'t> {
    /// The message.
    pub message: MessageId,
    /// The attempt.
    pub attempt: AttemptNumber,
    /// The epoch of whoever says so.
    pub epoch: Epoch,
    /// Of whom it is believed.
    pub believed: Believed,
    /// How it ended.
    pub outcome: &'t Outcome,
    /// When.
    pub at: DateTime<Utc>,
    /// The id that the provider gave to the message.
    pub provider_id: Option<&'t str>,
}

/// An attempt that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedAttemptRow {
    /// The message.
    pub message: MessageId,
    /// The attempt.
    pub attempt: AttemptNumber,
    /// Its present epoch.
    pub epoch: Epoch,
    /// How it ended.
    pub outcome: Outcome,
}

/// An outcome that was recorded while its message is still `sending`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnappliedRow {
    /// The sender.
    pub sender: SenderId,
    /// The message.
    pub message: MessageId,
    /// The attempt.
    pub attempt: AttemptNumber,
    /// Its present epoch.
    pub epoch: Epoch,
    /// How it ended.
    pub outcome: Outcome,
    /// When.
    pub at: DateTime<Utc>,
}

/// Statements of a transaction.
#[async_trait]
pub trait AttemptRows {
    /// Writes intents: the attempts, the messages, the sender's pace and the time of its last send.
    async fn add_intents(&mut self, intents: &IntentWrites<'_>) -> Fallible<()>;

    /// Writes outcomes to attempts that have none, as far as they are believed. No attempt is named twice.
    async fn write_outcomes(&mut self, outcomes: &[OutcomeWrite<'_>]) -> Fallible<()>;

    /// What a sender is sending: rows of messages with their people, not locked.
    async fn list_sending(&mut self, sender: SenderId) -> Fallible<Vec<(i64, AddressHash)>>;

    /// Locks those of the messages that are still being sent, with their last attempts; in the order of the attempts.
    async fn lock_adoptable(&mut self, messages: &[i64]) -> Fallible<Vec<AdoptableRow>>;

    /// Gives attempts to the next holder, and counts that they are taken up once more.
    async fn adopt_attempts(
        &mut self,
        attempts: &[&Locked<AttemptRow>],
        epoch: Epoch,
        worker: WorkerId,
    ) -> Fallible<()>;

    /// The attempts of messages that have ended, in the order of their rows.
    async fn list_ended_attempts(&mut self, messages: &[MessageId]) -> Fallible<Vec<EndedAttemptRow>>;

    /// Locks the last attempts, without outcome and intended `age` ago or earlier, of what removed or banned senders are sending. Skips what
    /// others hold.
    async fn lock_abandoned(&mut self, age: Duration, limit: u32) -> Fallible<Vec<Locked<AttemptRow>>>;
}

/// Statements outside of transactions.
#[async_trait]
pub trait AttemptReads {
    /// The attempts of a message, first to last.
    async fn list_attempts(&self, message: MessageId) -> Fallible<Vec<Attempt>>;

    /// Outcomes that were recorded `age` ago or earlier while their messages are still `sending`, the oldest first.
    async fn list_unapplied(&self, age: Duration, limit: u32) -> Fallible<Vec<UnappliedRow>>;
}
