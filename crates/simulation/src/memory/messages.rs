//! Messages, and the sets by which those that matter are found without looking at all.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::{Bound, Deref},
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{
    Address, AddressHash, AttemptNumber, CampaignId, CampaignState, Content, Generation, Lane, MessageId, MessageState,
    PoolId, SenderId, SuppressionScope, WaId, WorkspaceId,
};
use paceline_ledger::{
    Fallible, Fault,
    locks::{Line, Locked},
    rows::{
        Answer, AnsweredRow, Binding, EndWrite, ForwardWrite, MessageReads, MessageRow, MessageRows, Question,
        ReturnWrite, RoutedTo, WantedRow,
    },
};
use paceline_store::messages::{Message, MessageFilter, NewMessage, ReleaseView};

use super::{
    Memory, Tables,
    table::{Table, Undo},
};

/// A message.
#[derive(Debug, Clone)]
pub(crate) struct MessageEntry {
    pub(super) seq: i64,
    pub(crate) id: MessageId,
    pub(super) workspace: WorkspaceId,
    pub(crate) campaign: Option<CampaignId>,
    row: Option<i64>,
    pub(crate) lane: Lane,
    pub(crate) to: Address,
    pub(crate) hash: AddressHash,
    pub(crate) content: Content,
    pub(super) wa_id: WaId,
    pub(crate) state: MessageState,
    reason: Option<&'static str>,
    pub(crate) sender: Option<SenderId>,
    pub(super) binding: Binding,
    /// The pool of a message without campaign; a campaign's is the campaign's own.
    pub(super) pool: Option<PoolId>,
    /// 1970: at once.
    pub(super) not_before: DateTime<Utc>,
    pub(crate) waits_for: Option<String>,
    expires_at: Option<DateTime<Utc>>,
    pub(super) generation: Generation,
    /// Set while a release holds, and only while the message waits.
    pub(crate) release_deadline: Option<DateTime<Utc>>,
    pub(super) attempts: AttemptNumber,
    /// When the last intent was recorded.
    pub(super) attempted_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    pub(super) sent_at: Option<DateTime<Utc>>,
    delivered_at: Option<DateTime<Utc>>,
    read_at: Option<DateTime<Utc>>,
    pub(crate) replied_at: Option<DateTime<Utc>>,
    pub(crate) opted_out_at: Option<DateTime<Utc>>,
    pub(super) ended_at: Option<DateTime<Utc>>,
}

/// A message that is new.
pub(super) struct NewEntry<'t> {
    pub(super) id: MessageId,
    pub(super) workspace: WorkspaceId,
    pub(super) campaign: Option<(CampaignId, i64)>,
    pub(super) lane: Lane,
    pub(super) to: &'t Address,
    pub(super) hash: AddressHash,
    pub(super) content: &'t Content,
    pub(super) wa_id: &'t WaId,
    pub(super) sender: Option<SenderId>,
    pub(super) binding: Binding,
    pub(super) pool: Option<PoolId>,
    pub(super) not_before: DateTime<Utc>,
    pub(super) expires_at: Option<DateTime<Utc>>,
    pub(super) created_at: DateTime<Utc>,
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
    pub(super) fn waits(&self, seq: i64) -> MessageEntry {
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
    pub(super) fn is_waiting(&self) -> bool {
        self.state == MessageState::Waiting
    }

    /// Whether it waits and nobody has claimed it.
    pub(super) fn is_unclaimed(&self) -> bool {
        self.is_waiting() && self.release_deadline.is_none()
    }

    /// What it says, as JSON.
    pub(super) fn content_json(&self) -> String {
        // A text is a string, and serialising that has no way to fail.
        serde_json::to_string(&self.content).unwrap_or_default()
    }

    fn is_open(&self) -> bool {
        matches!(self.state, MessageState::Waiting | MessageState::Sending)
    }

    fn row(&self) -> MessageRow {
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
    pub(super) fn add(&mut self, message: MessageEntry) -> bool {
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
    pub(super) fn edit(&mut self, seq: i64, change: impl FnOnce(&mut MessageEntry)) -> Fallible<()> {
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
            was_bound.map(|sender| set(&mut self.bound, (sender, seq), false));
            is_bound.map(|sender| set(&mut self.bound, (sender, seq), true));
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

    /// Messages by their ids, in the order of their rows, each once.
    pub(super) fn find_all<'t>(&'t self, ids: impl IntoIterator<Item = &'t MessageId>) -> Vec<&'t MessageEntry> {
        let seqs: BTreeSet<i64> = ids.into_iter().filter_map(|id| self.by_id.get(id)).copied().collect();
        seqs.iter().filter_map(|seq| self.rows.get(seq)).collect()
    }

    /// The messages to a person.
    pub(super) fn of_person(&self, person: AddressHash) -> impl Iterator<Item = &MessageEntry> {
        self.by_person.range((person, i64::MIN)..=(person, i64::MAX)).filter_map(|((_, seq), ())| self.rows.get(seq))
    }

    /// The messages of a campaign, or of none, that wait or are being sent.
    pub(super) fn open_of(&self, campaign: Option<CampaignId>) -> impl Iterator<Item = &MessageEntry> {
        self.open.range((campaign, i64::MIN)..=(campaign, i64::MAX)).filter_map(|((_, seq), ())| self.rows.get(seq))
    }

    /// All messages that wait or are being sent.
    pub(super) fn all_open(&self) -> impl Iterator<Item = &MessageEntry> {
        self.open.keys().filter_map(|(_, seq)| self.rows.get(seq))
    }

    /// The messages that wait bound to a sender, or are being sent by it.
    pub(super) fn open_of_sender(&self, sender: SenderId) -> impl Iterator<Item = &MessageEntry> {
        self.bound.range((sender, i64::MIN)..=(sender, i64::MAX)).filter_map(|((_, seq), ())| self.rows.get(seq))
    }

    fn find_sent_as(&self, sender: SenderId, id: &WaId) -> Option<MessageId> {
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

impl Tables {
    /// A message as others see it.
    fn view_message(&self, entry: &MessageEntry) -> Message {
        let campaign = entry.campaign.and_then(|campaign| self.campaigns.get(&campaign));
        let of_campaign = campaign.map(|campaign| &campaign.campaign.definition.pool);
        let pool = of_campaign.or_else(|| entry.pool.and_then(|pool| self.pools.get(&pool)).map(|pool| &pool.name));
        let deadline = entry.release_deadline.filter(|at| *at > self.now);
        Message {
            id: entry.id,
            workspace: entry.workspace,
            campaign: entry.campaign,
            row: entry.row,
            lane: entry.lane,
            to: entry.to.clone(),
            content: entry.content.clone(),
            wa_id: entry.wa_id.clone(),
            state: entry.state,
            reason: entry.reason.map(ToOwned::to_owned),
            sender: entry.sender,
            pool: pool.filter(|_| entry.binding == Binding::Free).cloned(),
            not_before: Some(entry.not_before).filter(|at| *at != DateTime::UNIX_EPOCH),
            waits_for: entry.waits_for.clone(),
            expires_at: entry.expires_at,
            release: deadline.map(|deadline| ReleaseView { generation: entry.generation, deadline }),
            attempts: entry.attempts,
            created_at: entry.created_at,
            sent_at: entry.sent_at,
            delivered_at: entry.delivered_at,
            read_at: entry.read_at,
            replied_at: entry.replied_at,
            ended_at: entry.ended_at,
        }
    }

    fn state_of(&self, campaign: Option<CampaignId>) -> Option<CampaignState> {
        campaign.and_then(|campaign| self.campaigns.get(&campaign)).map(|entry| entry.campaign.state)
    }

    fn wanted(&self, entry: &MessageEntry) -> WantedRow {
        let suppression = self.suppressions.get(&(entry.workspace, entry.hash));
        WantedRow {
            message: Locked::new(entry.row()),
            release: entry.release_deadline.filter(|at| *at > self.now).map(|_| entry.generation),
            lane: entry.lane,
            expires_at: entry.expires_at,
            wa_id: entry.wa_id.clone(),
            content: entry.content_json(),
            campaign: self.state_of(entry.campaign),
            suppression: suppression.map(|suppression| (suppression.scope, suppression.reason)),
        }
    }

    /// The message that an incoming one answers: one that is certainly out goes before one that may be on its way.
    fn answered(&self, question: Question) -> Option<i64> {
        use MessageState::{Delivered, Read, Sending, Sent, Unknown};
        let out = self.messages.of_person(question.hash).filter(|message| {
            message.sender == Some(question.sender)
                && message.attempted_at.is_some_and(|at| at >= question.since)
                && matches!(message.state, Sending | Unknown | Sent | Delivered | Read)
        });
        out.max_by_key(|message| (message.sent_at.is_some(), message.attempted_at)).map(|message| message.seq)
    }
}

#[async_trait]
impl MessageRows for Tables {
    async fn add_message(&mut self, new: &NewMessage, routed: RoutedTo) -> Fallible<bool> {
        // Whoever adds the same one at the same time waits.
        self.wait_for(Line::Messages);
        let seq = self.next_seq();
        let new = NewEntry {
            id: new.id,
            workspace: new.workspace,
            campaign: None,
            lane: new.lane,
            to: &new.to,
            hash: new.hash,
            content: &new.content,
            wa_id: &new.wa_id,
            sender: routed.sender,
            binding: routed.binding,
            pool: routed.pool,
            not_before: new.not_before.unwrap_or(DateTime::UNIX_EPOCH),
            expires_at: new.expires_at,
            created_at: new.created_at,
        };
        Ok(self.messages.add(new.waits(seq)))
    }

    async fn find_pool_route(
        &mut self,
        workspace: WorkspaceId,
        pool: &str,
        person: AddressHash,
    ) -> Fallible<Option<(PoolId, Option<SenderId>)>> {
        let pool = self.find_pool(workspace, pool).filter(|pool| self.has_active_member(*pool));
        Ok(pool.map(|pool| (pool, self.find_sticky(workspace, pool, person))))
    }

    async fn find_message(&mut self, message: MessageId) -> Fallible<Option<Message>> {
        Ok(self.messages.find(message).map(|entry| self.view_message(entry)))
    }

    async fn list_messages(&mut self, messages: &[MessageId]) -> Fallible<Vec<MessageRow>> {
        Ok(self.messages.find_all(messages).into_iter().map(MessageEntry::row).collect())
    }

    async fn lock_messages(&mut self, messages: &[MessageId]) -> Fallible<Vec<Locked<MessageRow>>> {
        self.wait_for(Line::Messages);
        Ok(self.messages.find_all(messages).into_iter().map(|entry| Locked::new(entry.row())).collect())
    }

    async fn lock_wanted(&mut self, messages: &[MessageId]) -> Fallible<Vec<WantedRow>> {
        self.wait_for(Line::Messages);
        Ok(self.messages.find_all(messages).into_iter().map(|entry| self.wanted(entry)).collect())
    }

    async fn lock_expired(&mut self, now: DateTime<Utc>, limit: u32) -> Fallible<Vec<Locked<MessageRow>>> {
        let waiting = self.messages.all_open().filter(|entry| entry.is_waiting());
        let mut late: Vec<_> = waiting.filter(|entry| entry.expires_at.is_some_and(|at| at <= now)).collect();
        late.sort_by_key(|entry| entry.expires_at);
        Ok(late.into_iter().take(limit as usize).map(|entry| Locked::new(entry.row())).collect())
    }

    async fn lock_waiting_of_campaign(
        &mut self,
        campaign: CampaignId,
        limit: u32,
    ) -> Fallible<Vec<Locked<MessageRow>>> {
        let waiting = self.messages.open_of(Some(campaign)).filter(|entry| entry.is_waiting());
        Ok(waiting.take(limit as usize).map(|entry| Locked::new(entry.row())).collect())
    }

    async fn lock_open_of_people(
        &mut self,
        workspace: WorkspaceId,
        scope: SuppressionScope,
        people: &[AddressHash],
    ) -> Fallible<Vec<(usize, Locked<MessageRow>)>> {
        self.wait_for(Line::Messages);
        let is_meant = |entry: &MessageEntry| match self.state_of(entry.campaign) {
            Some(state) => !state.has_ended(),
            None => scope == SuppressionScope::All,
        };
        let mut found = Vec::new();
        for (place, person) in people.iter().enumerate() {
            let open = self.messages.of_person(*person).filter(|entry| entry.workspace == workspace && entry.is_open());
            found.extend(open.filter(|entry| is_meant(entry)).map(|entry| (place, entry)));
        }
        found.sort_by_key(|(_, entry)| entry.seq);
        Ok(found.into_iter().map(|(place, entry)| (place, Locked::new(entry.row()))).collect())
    }

    async fn move_forward(&mut self, moved: &[ForwardWrite<'_>]) -> Fallible<()> {
        for write in moved {
            self.messages.edit(write.message.seq, |entry| {
                entry.state = write.state;
                entry.sent_at = write.sent_at;
                entry.delivered_at = write.delivered_at;
                entry.read_at = write.read_at;
                entry.reason = None;
                entry.ended_at = None;
            })?;
        }
        Ok(())
    }

    async fn end_messages(&mut self, ended: &[EndWrite<'_>]) -> Fallible<()> {
        for write in ended {
            self.messages.edit(write.message.seq, |entry| {
                entry.state = write.state;
                entry.reason = write.reason;
                entry.ended_at = write.ended_at;
                entry.sender = write.sender;
                entry.release_deadline = None;
            })?;
        }
        Ok(())
    }

    async fn return_messages(&mut self, returned: &[ReturnWrite<'_>]) -> Fallible<()> {
        for write in returned {
            self.messages.edit(write.message.seq, |entry| {
                entry.state = MessageState::Waiting;
                entry.sender = write.sender;
                entry.binding = write.binding;
                entry.not_before = write.not_before;
                entry.waits_for = Some(write.waits_for.to_owned());
                entry.reason = None;
                entry.ended_at = None;
                entry.release_deadline = None;
            })?;
        }
        Ok(())
    }

    async fn find_answered(&mut self, questions: &[Question]) -> Fallible<Vec<Option<i64>>> {
        Ok(questions.iter().map(|question| self.answered(*question)).collect())
    }

    async fn lock_answered(&mut self, seqs: &[i64]) -> Fallible<Vec<Locked<AnsweredRow>>> {
        self.wait_for(Line::Messages);
        let seqs: BTreeSet<&i64> = seqs.iter().collect();
        let row = |entry: &MessageEntry| AnsweredRow {
            seq: entry.seq,
            id: entry.id,
            campaign: entry.campaign,
            replied_at: entry.replied_at,
            opted_out_at: entry.opted_out_at,
        };
        Ok(seqs.into_iter().filter_map(|seq| self.messages.get(seq)).map(|entry| Locked::new(row(entry))).collect())
    }

    async fn write_answers(&mut self, answers: &[Answer<'_>]) -> Fallible<()> {
        for answer in answers {
            self.messages.edit(answer.message.seq, |entry| {
                entry.replied_at = answer.replied_at;
                entry.opted_out_at = answer.opted_out_at;
            })?;
        }
        Ok(())
    }

    async fn find_by_receipt(&mut self, receipts: &[(SenderId, &str)]) -> Fallible<Vec<Option<MessageId>>> {
        let named = receipts.iter().map(|&(sender, id)| {
            let ours = self.messages.find_sent_as(sender, &WaId::from_network(id));
            ours.or_else(|| self.attempts.find_provided(sender, id))
        });
        Ok(named.collect())
    }
}

#[async_trait]
impl MessageReads for Memory {
    async fn find_message(
        &self,
        workspace: WorkspaceId,
        message: MessageId,
    ) -> Fallible<Option<(Message, Option<CampaignState>)>> {
        let tables = self.read().await?;
        let found = tables.messages.find(message).filter(|entry| entry.workspace == workspace);
        Ok(found.map(|entry| (tables.view_message(entry), tables.state_of(entry.campaign))))
    }

    async fn list_messages(
        &self,
        workspace: WorkspaceId,
        filter: MessageFilter,
        after: Option<MessageId>,
        limit: u32,
    ) -> Fallible<Vec<Message>> {
        let tables = self.read().await?;
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let entries = tables.messages.by_id.range((after, Bound::Unbounded));
        let entries = entries.filter_map(|(_, seq)| tables.messages.get(seq)).filter(|entry| {
            entry.workspace == workspace
                && (filter.campaign.is_none() || filter.campaign == entry.campaign)
                && filter.state.is_none_or(|state| state == entry.state)
                && (filter.sender.is_none() || filter.sender == entry.sender)
        });
        Ok(entries.take(limit as usize).map(|entry| tables.view_message(entry)).collect())
    }
}
