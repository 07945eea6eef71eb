//! Messages.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{
    Address, AddressHash, AttemptNumber, CampaignId, CampaignState, Generation, Lane, MessageId, MessageState, PoolId,
    SenderId, SuppressionReason, SuppressionScope, UnknownWord, WaId, WorkspaceId,
};
use paceline_store::messages::{Message, MessageFilter, NewMessage};

use crate::{Fallible, locks::Locked};

/// What ties a message to its sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// Nothing: any sender of its pool may send it, and it is bound while it is released or sent.
    Free,
    /// The sender wrote to this person before.
    Sticky,
    /// It was asked for.
    Routed,
}

impl Binding {
    /// Every binding.
    pub const ALL: [Self; 3] = [Self::Free, Self::Sticky, Self::Routed];

    /// The word that is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Sticky => "sticky",
            Self::Routed => "routed",
        }
    }
}

impl std::str::FromStr for Binding {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|binding| binding.as_str() == word).ok_or_else(|| UnknownWord {
            what: "binding",
            found: word.to_owned(),
            expected: Self::ALL.map(Self::as_str).join(", "),
        })
    }
}

/// A message's own columns, as far as its moves are decided by them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRow {
    /// The row.
    pub seq: i64,
    /// The message.
    pub id: MessageId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// Its campaign.
    pub campaign: Option<CampaignId>,
    /// Its row in the campaign's audience.
    pub row: Option<i64>,
    /// The sender that it is bound to for the time being, or for good.
    pub sender: Option<SenderId>,
    /// What ties it to that sender.
    pub binding: Binding,
    /// The recipient.
    pub to: Address,
    /// Where it stands.
    pub state: MessageState,
    /// How many attempts there were.
    pub attempts: AttemptNumber,
    /// When the network accepted it.
    pub sent_at: Option<DateTime<Utc>>,
    /// When it reached the device.
    pub delivered_at: Option<DateTime<Utc>>,
    /// When it was opened.
    pub read_at: Option<DateTime<Utc>>,
}

/// A message that is about to be sent, and what an intent is decided by. Campaign and suppression are those behind their gates.
#[derive(Debug)]
pub struct WantedRow {
    /// The message.
    pub message: Locked<MessageRow>,
    /// Its release, while that holds by the database's clock.
    pub release: Option<Generation>,
    /// Its lane.
    pub lane: Lane,
    /// Not to be sent after this.
    pub expires_at: Option<DateTime<Utc>>,
    /// The WhatsApp id of all its attempts.
    pub wa_id: WaId,
    /// What it says, as JSON.
    pub content: String,
    /// The state of its campaign; `None` without one.
    pub campaign: Option<CampaignState>,
    /// The suppression of its recipient.
    pub suppression: Option<(SuppressionScope, SuppressionReason)>,
}

/// A move by which a message was accepted, delivered or read. `reason` and `ended_at` are cleared.
#[derive(Debug)]
pub struct ForwardWrite<'t> {
    /// The message.
    pub message: &'t Locked<MessageRow>,
    /// Its state.
    pub state: MessageState,
    /// When the network accepted it.
    pub sent_at: Option<DateTime<Utc>>,
    /// When it reached the device.
    pub delivered_at: Option<DateTime<Utc>>,
    /// When it was opened.
    pub read_at: Option<DateTime<Utc>>,
}

/// A move by which a message failed, expired, was cancelled or became unknown. Its release is over.
#[derive(Debug)]
pub struct EndWrite<'t> {
    /// The message.
    pub message: &'t Locked<MessageRow>,
    /// Its state.
    pub state: MessageState,
    /// Why.
    pub reason: Option<&'static str>,
    /// When.
    pub ended_at: Option<DateTime<Utc>>,
    /// The sender that sent it, or was to.
    pub sender: Option<SenderId>,
}

/// A move by which a message waits again. `reason`, `ended_at` and the release are cleared.
#[derive(Debug)]
pub struct ReturnWrite<'t> {
    /// The message.
    pub message: &'t Locked<MessageRow>,
    /// The sender that it stays bound to.
    pub sender: Option<SenderId>,
    /// What ties it to that sender.
    pub binding: Binding,
    /// Not to be sent before this; 1970: at once.
    pub not_before: DateTime<Utc>,
    /// What it waits for.
    pub waits_for: &'static str,
}

/// Which sender a new message goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoutedTo {
    /// The sender it is bound to.
    pub sender: Option<SenderId>,
    /// What ties it to that sender.
    pub binding: Binding,
    /// The pool whose senders may send it.
    pub pool: Option<PoolId>,
}

/// Which message may a person have answered?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// The sender that was written to.
    pub sender: SenderId,
    /// The person.
    pub hash: AddressHash,
    /// Messages that were intended before this are too old.
    pub since: DateTime<Utc>,
}

/// A message that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnsweredRow {
    /// The row.
    pub seq: i64,
    /// The message.
    pub id: MessageId,
    /// Its campaign.
    pub campaign: Option<CampaignId>,
    /// When it was first answered.
    pub replied_at: Option<DateTime<Utc>>,
    /// When it was first answered by an opt-out.
    pub opted_out_at: Option<DateTime<Utc>>,
}

/// When a message was first answered.
#[derive(Debug)]
pub struct Answer<'t> {
    /// The message.
    pub message: &'t Locked<AnsweredRow>,
    /// When it was first answered.
    pub replied_at: Option<DateTime<Utc>>,
    /// When it was first answered by an opt-out.
    pub opted_out_at: Option<DateTime<Utc>>,
}

/// Statements of a transaction.
#[async_trait]
pub trait MessageRows {
    /// Adds a message that waits, with its content, unless one has its id. Answers whether it was added.
    async fn add_message(&mut self, message: &NewMessage, routed: RoutedTo) -> Fallible<bool>;

    /// The pool of that name, when it has an active sender; and the active sender of it, not banned, that last wrote to the person.
    async fn find_pool_route(
        &mut self,
        workspace: WorkspaceId,
        pool: &str,
        person: AddressHash,
    ) -> Fallible<Option<(PoolId, Option<SenderId>)>>;

    /// A message as others see it.
    async fn find_message(&mut self, message: MessageId) -> Fallible<Option<Message>>;

    /// Messages, not locked, in any order.
    async fn list_messages(&mut self, messages: &[MessageId]) -> Fallible<Vec<MessageRow>>;

    /// Locks messages, by `seq`.
    async fn lock_messages(&mut self, messages: &[MessageId]) -> Fallible<Vec<Locked<MessageRow>>>;

    /// Locks messages that are about to be sent, by `seq`. Their gates have been passed.
    async fn lock_wanted(&mut self, messages: &[MessageId]) -> Fallible<Vec<WantedRow>>;

    /// Locks messages that wait although their time has passed, the earliest first. Skips what others hold.
    async fn lock_expired(&mut self, now: DateTime<Utc>, limit: u32) -> Fallible<Vec<Locked<MessageRow>>>;

    /// Locks messages of a campaign that wait. Skips what others hold.
    async fn lock_waiting_of_campaign(&mut self, campaign: CampaignId, limit: u32)
    -> Fallible<Vec<Locked<MessageRow>>>;

    /// Locks, by `seq`, what waits for people or is being sent to them, each with the place of its person: of campaigns that have not
    /// ended, and, when `scope` is `all`, of none.
    async fn lock_open_of_people(
        &mut self,
        workspace: WorkspaceId,
        scope: SuppressionScope,
        people: &[AddressHash],
    ) -> Fallible<Vec<(usize, Locked<MessageRow>)>>;

    /// Writes moves forward.
    async fn move_forward(&mut self, moved: &[ForwardWrite<'_>]) -> Fallible<()>;

    /// Writes moves to an end.
    async fn end_messages(&mut self, ended: &[EndWrite<'_>]) -> Fallible<()>;

    /// Writes moves back.
    async fn return_messages(&mut self, returned: &[ReturnWrite<'_>]) -> Fallible<()>;

    /// For each question: the latest message to the person, accepted ones first, that is sent, may have been, or is being sent.
    async fn find_answered(&mut self, questions: &[Question]) -> Fallible<Vec<Option<i64>>>;

    /// Locks messages that were answered, by `seq`.
    async fn lock_answered(&mut self, seqs: &[i64]) -> Fallible<Vec<Locked<AnsweredRow>>>;

    /// Notes answers.
    async fn write_answers(&mut self, answers: &[Answer<'_>]) -> Fallible<()>;

    /// For each id of a receipt with its sender: the message that it names, by its own id, or else by one that the provider gave to an
    /// attempt of that sender.
    async fn find_by_receipt(&mut self, receipts: &[(SenderId, &str)]) -> Fallible<Vec<Option<MessageId>>>;
}

/// A stretch of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// They come after this one.
    pub after: i64,
    /// This one is the last.
    pub through: i64,
}

/// Statements outside of transactions.
#[async_trait]
pub trait MessageReads {
    /// A message of a workspace, with the state of its campaign.
    async fn find_message(
        &self,
        workspace: WorkspaceId,
        message: MessageId,
    ) -> Fallible<Option<(Message, Option<CampaignState>)>>;

    /// The messages of a workspace in a stretch of rows, with these, in order.
    async fn list_messages(
        &self,
        workspace: WorkspaceId,
        filter: MessageFilter,
        stretch: Stretch,
        limit: u32,
    ) -> Fallible<Vec<(i64, Message)>>;

    /// The last of so many rows after one, among all messages of the filter's campaign, or else of the workspace; `None`: there are not so
    /// many.
    async fn find_reach(
        &self,
        workspace: WorkspaceId,
        filter: MessageFilter,
        after: i64,
        rows: u32,
    ) -> Fallible<Option<i64>>;
}
