//! Messages: one transactional send, and the story of any message.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{
    Address, AddressHash, AttemptNumber, CampaignId, CampaignState, Content, Epoch, Generation, Lane, MessageId,
    MessageState, Outcome, SenderId, WaId, WorkerId, WorkspaceId,
};

use crate::{
    Page, PageRequest, StoreResult,
    idempotency::{Once, OnceOutcome},
    resolutions::Resolved,
    suppressions::Suppression,
};

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// Its campaign; `None` for a transactional send.
    pub campaign: Option<CampaignId>,
    /// Its row in the campaign's audience.
    pub row: Option<i64>,
    /// Which lane it takes.
    pub lane: Lane,
    /// The recipient.
    pub to: Address,
    /// What it says.
    pub content: Content,
    /// The WhatsApp id of all its attempts.
    pub wa_id: WaId,
    /// Where it stands.
    pub state: MessageState,
    /// Why it failed or was cancelled: the word of a `FailureReason` or a `CancelReason`.
    pub reason: Option<String>,
    /// The sender it is bound to, or that sent it.
    pub sender: Option<SenderId>,
    /// The pool that may send it, by name, unless it is bound for good.
    pub pool: Option<String>,
    /// Not to be sent before this.
    pub not_before: Option<DateTime<Utc>>,
    /// The rule that last put it off, as a `paceline_pacing::Rule` word or another reason of the worker.
    pub waits_for: Option<String>,
    /// Not to be sent after this.
    pub expires_at: Option<DateTime<Utc>>,
    /// The claim that hands it to the broker, while there is one.
    pub release: Option<ReleaseView>,
    /// How many attempts there were.
    pub attempts: AttemptNumber,
    /// When it was planned or accepted.
    pub created_at: DateTime<Utc>,
    /// When WhatsApp accepted it.
    pub sent_at: Option<DateTime<Utc>>,
    /// When it reached the device.
    pub delivered_at: Option<DateTime<Utc>>,
    /// When it was opened.
    pub read_at: Option<DateTime<Utc>>,
    /// When the recipient first answered it.
    pub replied_at: Option<DateTime<Utc>>,
    /// When it failed, expired, was cancelled or became unknown.
    pub ended_at: Option<DateTime<Utc>>,
}

/// A release as others see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReleaseView {
    /// Its generation.
    pub generation: Generation,
    /// When it is given back, in real time.
    pub deadline: DateTime<Utc>,
}

/// One attempt of a message.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// Its number, from 1.
    pub number: AttemptNumber,
    /// The sender.
    pub sender: SenderId,
    /// The process.
    pub worker: WorkerId,
    /// The lease epoch of the intent.
    pub epoch: Epoch,
    /// When the intent was recorded.
    pub intended_at: DateTime<Utc>,
    /// How often it was taken up to be sent: by its intent, and once more by each holder that adopted it after a crash or a lost
    /// session. When an answer is lost, the bytes may leave twice within one of them; always with the message's one id.
    pub sends: i32,
    /// The version of the profile that paced it.
    pub profile_version: u32,
    /// The inputs of the pacing decision, as JSON.
    pub pace_inputs: serde_json::Value,
    /// How it ended; `None` while it runs.
    pub outcome: Option<Outcome>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
}

/// A transactional message to accept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// Its id.
    pub id: MessageId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// Reply or transactional.
    pub lane: Lane,
    /// The recipient.
    pub to: Address,
    /// The address under the workspace's key.
    pub hash: AddressHash,
    /// What it says.
    pub content: Content,
    /// The message's WhatsApp id.
    pub wa_id: WaId,
    /// Which senders may send it.
    pub route: Route,
    /// Not to be sent before this.
    pub not_before: Option<DateTime<Utc>>,
    /// Not to be sent after this.
    pub expires_at: Option<DateTime<Utc>>,
    /// Now.
    pub created_at: DateTime<Utc>,
}

/// Which senders may send a transactional message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// This one and no other.
    Sender(SenderId),
    /// Any of a pool, by name; the sender who wrote to this person before goes first.
    Pool(String),
}

/// What became of a transactional message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageAcceptance {
    /// Accepted; it will be sent, or its account says why not.
    Accepted(Box<Message>),
    /// The id exists: this very message was accepted before.
    Existing(Box<Message>),
    /// The recipient must not be contacted (any scope `all` suppression).
    Suppressed(Suppression),
    /// The route names no sender that may send.
    NoSender,
}

/// A message with its attempts and the state of its campaign.
#[derive(Debug, Clone, PartialEq)]
pub struct MessageStory {
    /// The message.
    pub message: Message,
    /// Its attempts, first to last.
    pub attempts: Vec<Attempt>,
    /// What was decided when the outcome of an attempt was unknown, first to last.
    pub resolutions: Vec<Resolved>,
    /// The state of its campaign.
    pub campaign_state: Option<CampaignState>,
}

/// Which messages to list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MessageFilter {
    /// Of this campaign.
    pub campaign: Option<CampaignId>,
    /// In this state.
    pub state: Option<MessageState>,
    /// Bound to this sender.
    pub sender: Option<SenderId>,
}

/// Messages.
#[async_trait]
pub trait MessageStore: Send + Sync {
    /// Accepts a transactional message.
    async fn create_message(&self, message: NewMessage) -> StoreResult<MessageAcceptance>;

    /// Accepts a transactional message under an idempotency key; whatever becomes of it is the answer.
    async fn create_message_once(
        &self,
        message: NewMessage,
        once: Once<MessageAcceptance>,
    ) -> StoreResult<OnceOutcome<MessageAcceptance>>;

    /// A message and all that happened to it.
    async fn find_message(&self, workspace: WorkspaceId, message: MessageId) -> StoreResult<Option<MessageStory>>;

    /// The messages of a workspace in the order in which they were accepted or planned. A page may be shorter than asked for, even empty,
    /// and have a next one: when what the filter lets pass is rare, a page ends after so many messages were looked at.
    async fn list_messages(
        &self,
        workspace: WorkspaceId,
        filter: MessageFilter,
        page: PageRequest,
    ) -> StoreResult<Page<Message>>;
}
