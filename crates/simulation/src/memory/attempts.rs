//! Attempts: intents and outcomes.

use std::{collections::BTreeMap, ops::Deref, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{
    AddressHash, AttemptNumber, Epoch, MessageId, MessageState, Outcome, SenderId, SenderState, SessionState, WorkerId,
};
use paceline_ledger::{
    Fallible, Fault,
    locks::{Line, Locked},
    rows::{
        AdoptableRow, AttemptReads, AttemptRow, AttemptRows, Believed, EndedAttemptRow, IntentWrites, OutcomeWrite,
        UnappliedRow,
    },
};
use paceline_store::{StoreError, messages::Attempt};

use super::{
    Memory, MessageEntry, Tables,
    table::{Table, Undo},
};

/// An attempt.
#[derive(Debug, Clone)]
pub(crate) struct AttemptEntry {
    seq: i64,
    pub(crate) sender: SenderId,
    worker: WorkerId,
    /// Its present epoch.
    pub(crate) epoch: Epoch,
    /// In campaign time.
    intended_at: DateTime<Utc>,
    /// In the database's time.
    intended_really_at: DateTime<Utc>,
    sends: i32,
    profile_version: u32,
    pace_inputs: String,
    outcome: Option<(Outcome, DateTime<Utc>)>,
    recorded_at: Option<DateTime<Utc>>,
}

/// The attempts by message and number. Reading is that of the map.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    rows: Table<(MessageId, AttemptNumber), AttemptEntry>,
    /// The message that a provider last gave a name to.
    provided: Table<(SenderId, String), MessageId>,
}

impl Deref for Attempts {
    type Target = BTreeMap<(MessageId, AttemptNumber), AttemptEntry>;

    fn deref(&self) -> &Self::Target {
        &self.rows
    }
}

impl Undo for Attempts {
    fn keep(&mut self) {
        self.rows.keep();
        self.provided.keep();
    }

    fn undo(&mut self) {
        self.rows.undo();
        self.provided.undo();
    }
}

impl Attempts {
    /// The attempts of a message, first to last.
    pub(crate) fn of(&self, message: MessageId) -> impl DoubleEndedIterator<Item = (AttemptNumber, &AttemptEntry)> {
        let all = (message, AttemptNumber::MIN)..=(message, AttemptNumber::MAX);
        self.rows.range(all).map(|((_, number), entry)| (*number, entry))
    }

    /// The message that a provider named to a sender.
    pub(super) fn find_provided(&self, sender: SenderId, id: &str) -> Option<MessageId> {
        self.provided.get(&(sender, id.to_owned())).copied()
    }

    fn last_of(&self, message: &MessageEntry) -> Option<&AttemptEntry> {
        self.rows.get(&(message.id, message.attempts))
    }
}

impl AttemptEntry {
    fn row(&self, message: MessageId, number: AttemptNumber) -> AttemptRow {
        AttemptRow { seq: self.seq, message, number, epoch: self.epoch }
    }
}

impl Tables {
    /// What is being sent, with the last attempt.
    fn list_in_flight(&self) -> impl Iterator<Item = (&MessageEntry, &AttemptEntry)> {
        let sending = self.messages.all_open().filter(|message| message.state == MessageState::Sending);
        sending.filter_map(|message| Some((message, self.attempts.last_of(message)?)))
    }

    /// When the oldest outcome was recorded that is not applied.
    pub(super) fn oldest_unapplied(&self) -> Option<DateTime<Utc>> {
        self.list_in_flight().filter_map(|(_, attempt)| attempt.recorded_at).min()
    }

    fn is_abandoned(&self, message: &MessageEntry) -> bool {
        message.sender.and_then(|sender| self.senders.get(&sender)).is_some_and(|entry| {
            entry.sender.state == SenderState::Removed || entry.sender.session == SessionState::Banned
        })
    }

    fn adoptable(&self, message: &MessageEntry) -> Option<(i64, AdoptableRow)> {
        let attempt = self.attempts.last_of(message)?;
        let suppression = self.suppressions.get(&(message.workspace, message.hash));
        let row = AdoptableRow {
            attempt: Locked::new(attempt.row(message.id, message.attempts)),
            outcome: attempt.outcome.clone(),
            lane: message.lane,
            to: message.to.clone(),
            wa_id: message.wa_id.clone(),
            content: message.content_json(),
            suppression: suppression.map(|suppression| suppression.scope),
        };
        Some((attempt.seq, row))
    }
}

#[async_trait]
impl AttemptRows for Tables {
    async fn add_intents(&mut self, intents: &IntentWrites<'_>) -> Fallible<()> {
        for &(message, number) in intents.granted {
            let entry = AttemptEntry {
                seq: self.next_seq(),
                sender: intents.sender.id,
                worker: intents.worker,
                epoch: intents.epoch,
                intended_at: intents.now,
                intended_really_at: self.now,
                sends: 1,
                profile_version: intents.profile_version,
                pace_inputs: intents.pace_inputs.to_owned(),
                outcome: None,
                recorded_at: None,
            };
            if !self.attempts.rows.add((message.id, number), entry) {
                return Err(Fault::conflict("attempts"));
            }
            self.messages.edit(message.seq, |message| {
                message.state = MessageState::Sending;
                message.attempts = number;
                message.attempted_at = Some(intents.now);
                message.release_deadline = None;
            })?;
        }
        let id = intents.sender.id;
        let entry = self.senders.edit(&id).ok_or_else(|| Fault::missing("senders", id))?;
        entry.sender.pace = intents.pace.clone();
        entry.sender.last_sent_at = Some(intents.now);
        Ok(())
    }

    async fn write_outcomes(&mut self, outcomes: &[OutcomeWrite<'_>]) -> Fallible<()> {
        // Not held against the order: whoever waits here for an attempt waits for nothing else while holding it, or holds its message.
        let now = self.now;
        for write in outcomes {
            let key = (write.message, write.attempt);
            let is_believed = |entry: &AttemptEntry| match write.believed {
                Believed::OfAnyone => true,
                Believed::OfTheHolder => entry.epoch == write.epoch,
            };
            if !self.attempts.get(&key).is_some_and(|entry| entry.outcome.is_none() && is_believed(entry)) {
                continue;
            }
            let Some(entry) = self.attempts.rows.edit(&key) else { continue };
            entry.outcome = Some((write.outcome.clone(), write.at));
            entry.recorded_at = Some(now);
            let sender = entry.sender;
            if let Some(id) = write.provider_id {
                self.attempts.provided.put((sender, id.to_owned()), write.message);
            }
        }
        Ok(())
    }

    async fn list_sending(&mut self, sender: SenderId) -> Fallible<Vec<(i64, AddressHash)>> {
        let sending = self.messages.open_of_sender(sender).filter(|entry| entry.state == MessageState::Sending);
        Ok(sending.map(|entry| (entry.seq, entry.hash)).collect())
    }

    async fn lock_adoptable(&mut self, messages: &[i64]) -> Fallible<Vec<AdoptableRow>> {
        self.wait_for(Line::Messages);
        self.wait_for(Line::Attempts);
        let found = messages.iter().filter_map(|seq| self.messages.get(seq));
        let sending = found.filter(|message| message.state == MessageState::Sending);
        let adoptable: BTreeMap<i64, AdoptableRow> = sending.filter_map(|message| self.adoptable(message)).collect();
        Ok(adoptable.into_values().collect())
    }

    async fn adopt_attempts(
        &mut self,
        attempts: &[&Locked<AttemptRow>],
        epoch: Epoch,
        worker: WorkerId,
    ) -> Fallible<()> {
        for attempt in attempts {
            let key = (attempt.message, attempt.number);
            let entry = self.attempts.rows.edit(&key).ok_or_else(|| Fault::missing("attempts", attempt.seq))?;
            entry.epoch = epoch;
            entry.worker = worker;
            entry.sends += 1;
        }
        Ok(())
    }

    async fn list_ended_attempts(&mut self, messages: &[MessageId]) -> Fallible<Vec<EndedAttemptRow>> {
        let mut ended = BTreeMap::new();
        for message in messages {
            for (attempt, entry) in self.attempts.of(*message) {
                if let Some((outcome, _)) = entry.outcome.clone() {
                    let row = EndedAttemptRow { message: *message, attempt, epoch: entry.epoch, outcome };
                    ended.insert(entry.seq, row);
                }
            }
        }
        Ok(ended.into_values().collect())
    }

    async fn lock_abandoned(&mut self, age: Duration, limit: u32) -> Fallible<Vec<Locked<AttemptRow>>> {
        let before = self.before(age);
        let lost = self.list_in_flight().filter(|(message, attempt)| {
            attempt.outcome.is_none() && attempt.intended_really_at <= before && self.is_abandoned(message)
        });
        let lost = lost.map(|(message, attempt)| Locked::new(attempt.row(message.id, message.attempts)));
        Ok(lost.take(limit as usize).collect())
    }
}

#[async_trait]
impl AttemptReads for Memory {
    async fn list_attempts(&self, message: MessageId) -> Fallible<Vec<Attempt>> {
        let corrupt = |_| StoreError::Corrupt { table: "attempts", column: "pace_inputs", row: message.to_string() };
        let view = |(number, entry): (AttemptNumber, &AttemptEntry)| {
            let (outcome, ended_at) = entry.outcome.clone().unzip();
            Ok(Attempt {
                number,
                sender: entry.sender,
                worker: entry.worker,
                epoch: entry.epoch,
                intended_at: entry.intended_at,
                sends: entry.sends,
                profile_version: entry.profile_version,
                pace_inputs: serde_json::from_str(&entry.pace_inputs).map_err(corrupt)?,
                outcome,
                ended_at,
            })
        };
        self.read().await?.attempts.of(message).map(view).collect()
    }

    async fn list_unapplied(&self, age: Duration, limit: u32) -> Fallible<Vec<UnappliedRow>> {
        let tables = self.read().await?;
        let before = tables.before(age);
        let mut found = BTreeMap::new();
        for (message, attempt) in tables.list_in_flight() {
            let recorded_at = attempt.recorded_at.filter(|at| *at <= before);
            if let (Some(recorded_at), Some((outcome, at))) = (recorded_at, attempt.outcome.clone()) {
                let (sender, epoch) = (attempt.sender, attempt.epoch);
                let row = UnappliedRow { sender, message: message.id, attempt: message.attempts, epoch, outcome, at };
                found.insert((recorded_at, attempt.seq), row);
            }
        }
        Ok(found.into_values().take(limit as usize).collect())
    }
}
