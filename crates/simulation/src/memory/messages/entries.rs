//! The rows of messages, and the sets by which those that matter are found without looking at all.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::{Bound, Deref},
};

use chrono::{DateTime, Utc};
use paceline_domain::{
    Address, AddressHash, AttemptNumber, CampaignId, Content, Generation, Lane, MessageId, MessageState, PoolId,
    SenderId, WaId, WorkspaceId,
};
use paceline_ledger::{
    Fallible, Fault,
    rows::{Binding, MessageRow},
};

use crate::memory::table::{Table, Undo};

/// A message.
#[derive(Debug, Clone)]
pub(crate) struct MessageEntry {
    pub(crate) seq: i64,
    pub(crate) id: MessageId,
    pub(crate) workspace: WorkspaceId,
    pub(crate) campaign: Option<CampaignId>,
    pub(crate) row: Option<i64>,
    pub(crate) lane: Lane,
    pub(crate) to: Address,
    pub(crate) hash: AddressHash,
    pub(crate) content: Content,
    pub(crate) wa_id: WaId,
    pub(crate) state: MessageState,
    pub(crate) reason: Option<&'static str>,
    pub(crate) sender: Option<SenderId>,
    pub(crate) binding: Binding,
    /// The pool of a message without campaign; a campaign's is the campaign's own.
    pub(crate) pool: Option<PoolId>,
    /// 1970: at once.
    pub(crate) not_before: DateTime<Utc>,
    pub(crate) waits_for: Option<String>,
    pub(crate) expires_at: Option<DateTime<Utc>>,
    pub(crate) generation: Generation,
    /// Set while a release holds, and only while the message waits.
    pub(crate) release_deadline: Option<DateTime<Utc>>,
    pub(crate) attempts: AttemptNumber,
    /// When the last intent was recorded.
    pub(crate) attempted_at: Option<DateTime<Utc>>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) sent_at: Option<DateTime<Utc>>,
    pub(crate) delivered_at: Option<DateTime<Utc>>,
    pub(crate) read_at: Option<DateTime<Utc>>,
    pub(crate) replied_at: Option<DateTime<Utc>>,
    pub(crate) opted_out_at: Option<DateTime<Utc>>,
    pub(crate) ended_at: Option<DateTime<Utc>>,
}

/// A message that is new.
pub(crate) struct NewEntry<'t> {
    pub(crate) id: MessageId,
    pub(crate) workspace: WorkspaceId,
    pub(crate) campaign: Option<(CampaignId, i64)>,
    pub(crate) lane: Lane,
    pub(crate) to: &'t Address,
    pub(crate) hash: AddressHash,
    pub(crate) content: &'t Content,
    pub(crate) wa_id: &'t WaId,
    pub(crate) sender: Option<SenderId>,
    pub(crate) binding: Binding,
    pub(crate) pool: Option<PoolId>,
    pub(crate) not_before: DateTime<Utc>,
    pub(crate) expires_at: Option<DateTime<Utc>>,
    pub(crate) created_at: DateTime<Utc>,
}

/// The messages by row. Reading is that of the map.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    rows: Table<i64, MessageEntry>,
    by_id: Table<MessageId, i64>,
    by_wa_id: Table<(WaId, i64), ()>,
    by_person: Table<(AddressHash, i64), ()>,
    /// Those that wait or are being sent, by campaign.
    open: Table<(Option<CampaignId>, i64), ()>,
    /// Those of them that are bound, by sender.
    bound: Table<(SenderId, i64), ()>,
    moves: Moves,
}

/// What moved, for whoever watches; what the present transaction moved stands at the end.
#[derive(Debug, Default)]
struct Moves {
    all: Vec<Move>,
    kept: usize,
}

/// A message's move from a state to another.
pub(crate) type Move = (MessageId, MessageState, MessageState);

impl NewEntry<'_> {
    /// The row of a message that waits.
    pub(crate) fn waits(&self, seq: i64) -> MessageEntry {
        let (campaign, row) = self.campaign.unzip();
        MessageEntry {
            seq,
            id: self.id,
            workspace: self.workspace,
            campaign,
            row,
            lane: self.lane,
            to: self.to.clone(),
            hash: self.hash,
            content: self.content.clone(),
            wa_id: self.wa_id.clone(),
            state: MessageState::Waiting,
            reason: None,
            sender: self.sender,
            binding: self.binding,
            pool: self.pool,
            not_before: self.not_before,
            waits_for: None,
            expires_at: self.expires_at,
            generation: Generation(0),
            release_deadline: None,
            attempts: 0,
            attempted_at: None,
            created_at: self.created_at,
            sent_at: None,
            delivered_at: None,
            read_at: None,
            replied_at: None,
            opted_out_at: None,
            ended_at: None,
        }
    }
}

impl MessageEntry {
    /// Whether it waits.
    pub(crate) fn is_waiting(&self) -> bool {
        self.state == MessageState::Waiting
    }

    /// Whether it waits and nobody has claimed it.
    pub(crate) fn is_unclaimed(&self) -> bool {
        self.is_waiting() && self.release_deadline.is_none()
    }

    /// What it says, as JSON.
    pub(crate) fn content_json(&self) -> String {
        // A text is a string, and serialising that has no way to fail.
        serde_json::to_string(&self.content).unwrap_or_default()
    }

    /// Whether it waits or is being sent.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, MessageState::Waiting | MessageState::Sending)
    }

    /// Its own columns.
    pub(crate) fn row(&self) -> MessageRow {
        let Self { seq, id, workspace, campaign, row, sender, binding, state, attempts, .. } = *self;
        let (sent_at, delivered_at, read_at) = (self.sent_at, self.delivered_at, self.read_at);
        let to = self.to.clone();
        MessageRow {
            seq,
            id,
            workspace,
            campaign,
            row,
            sender,
            binding,
            to,
            state,
            attempts,
            sent_at,
            delivered_at,
            read_at,
        }
    }
}

impl Deref for Messages {
    type Target = BTreeMap<i64, MessageEntry>;

    fn deref(&self) -> &Self::Target {
        &self.rows
    }
}

impl Undo for Messages {
    fn keep(&mut self) {
        self.moves.kept = self.moves.all.len();
        for table in self.each() {
            table.keep();
        }
    }

    fn undo(&mut self) {
        self.moves.all.truncate(self.moves.kept);
        for table in self.each() {
            table.undo();
        }
    }
}

impl Messages {
    fn each(&mut self) -> [&mut dyn Undo; 6] {
        [&mut self.rows, &mut self.by_id, &mut self.by_wa_id, &mut self.by_person, &mut self.open, &mut self.bound]
    }

    /// Adds a message unless one has its id. Answers whether it was added.
    pub(crate) fn add(&mut self, message: MessageEntry) -> bool {
        let seq = message.seq;
        if !self.by_id.add(message.id, seq) {
            return false;
        }
        self.by_wa_id.put((message.wa_id.clone(), seq), ());
        self.by_person.put((message.hash, seq), ());
        self.open.put((message.campaign, seq), ());
        if let Some(sender) = message.sender {
            self.bound.put((sender, seq), ());
        }
        self.rows.put(seq, message);
        true
    }

    /// Changes a message. What it is found by, once it is there, are its state and its sender; nothing else of that changes.
    pub(crate) fn edit(&mut self, seq: i64, change: impl FnOnce(&mut MessageEntry)) -> Fallible<()> {
        let row = self.rows.edit(&seq).ok_or_else(|| Fault::missing("messages", seq))?;
        let (was, was_open, was_bound) = (row.state, row.is_open(), row.sender);
        change(row);
        let (id, campaign, is, is_open, is_bound) = (row.id, row.campaign, row.state, row.is_open(), row.sender);
        if was != is {
            self.moves.all.push((id, was, is));
        }
        if was_open != is_open {
            set(&mut self.open, (campaign, seq), is_open);
        }
        let (was_bound, is_bound) = (was_bound.filter(|_| was_open), is_bound.filter(|_| is_open));
        if was_bound != is_bound {
            for (sender, is_in) in [(was_bound, false), (is_bound, true)] {
                if let Some(sender) = sender {
                    set(&mut self.bound, (sender, seq), is_in);
                }
            }
        }
        Ok(())
    }

    /// What moved since this was last asked.
    pub(crate) fn take_moves(&mut self) -> Vec<Move> {
        self.moves.kept = 0;
        std::mem::take(&mut self.moves.all)
    }

    /// A message by its id.
    pub(crate) fn find(&self, id: MessageId) -> Option<&MessageEntry> {
        self.by_id.get(&id).and_then(|seq| self.rows.get(seq))
    }

    /// Messages in the order of their rows, after one.
    pub(crate) fn list_after(&self, after: i64) -> impl Iterator<Item = &MessageEntry> {
        self.rows.range((Bound::Excluded(after), Bound::Unbounded)).map(|(_, entry)| entry)
    }

    /// Messages by their ids, in the order of their rows, each once.
    pub(crate) fn find_all<'t>(&'t self, ids: impl IntoIterator<Item = &'t MessageId>) -> Vec<&'t MessageEntry> {
        let seqs: BTreeSet<i64> = ids.into_iter().filter_map(|id| self.by_id.get(id)).copied().collect();
        seqs.iter().filter_map(|seq| self.rows.get(seq)).collect()
    }

    /// The messages to a person.
    pub(crate) fn of_person(&self, person: AddressHash) -> impl Iterator<Item = &MessageEntry> {
        self.by_person.range((person, i64::MIN)..=(person, i64::MAX)).filter_map(|((_, seq), ())| self.rows.get(seq))
    }

    /// The messages of a campaign, or of none, that wait or are being sent.
    pub(crate) fn open_of(&self, campaign: Option<CampaignId>) -> impl Iterator<Item = &MessageEntry> {
        self.open.range((campaign, i64::MIN)..=(campaign, i64::MAX)).filter_map(|((_, seq), ())| self.rows.get(seq))
    }

    /// All messages that wait or are being sent.
    pub(crate) fn all_open(&self) -> impl Iterator<Item = &MessageEntry> {
        self.open.keys().filter_map(|(_, seq)| self.rows.get(seq))
    }

    /// The messages that wait bound to a sender, or are being sent by it.
    pub(crate) fn open_of_sender(&self, sender: SenderId) -> impl Iterator<Item = &MessageEntry> {
        self.bound.range((sender, i64::MIN)..=(sender, i64::MAX)).filter_map(|((_, seq), ())| self.rows.get(seq))
    }

    /// The message that a sender sent, or may have sent, under an id.
    pub(crate) fn find_sent_as(&self, sender: SenderId, id: &WaId) -> Option<MessageId> {
        let named = self.by_wa_id.range((id.clone(), i64::MIN)..=(id.clone(), i64::MAX));
        let mut named = named.filter_map(|((_, seq), ())| self.rows.get(seq));
        named.find(|message| message.attempts > 0 && message.sender == Some(sender)).map(|message| message.id)
    }
}

/// Puts a key into a set, or takes it out.
fn set<K: Ord + Clone>(keys: &mut Table<K, ()>, key: K, is_in: bool) {
    if is_in {
        keys.put(key, ());
    } else {
        keys.remove(&key);
    }
}
