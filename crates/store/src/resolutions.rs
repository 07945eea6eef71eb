//! Decisions about messages of unknown outcome.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{ApiKeyId, AttemptNumber, MessageId, MessageState, Resolution, Resolver, WorkspaceId};

use crate::{StoreResult, messages::Message};

/// A decision that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The attempt whose outcome was unknown: the last one at that time.
    pub attempt: AttemptNumber,
    /// What was decided.
    pub resolution: Resolution,
    /// Who decided.
    pub by: Resolver,
    /// When, in campaign time.
    pub at: DateTime<Utc>,
}

/// A person's decision about one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Whose message it is.
    pub workspace: WorkspaceId,
    /// The message.
    pub message: MessageId,
    /// What is decided.
    pub resolution: Resolution,
    /// The key that the person used.
    pub by: ApiKeyId,
    /// Now, in campaign time.
    pub now: DateTime<Utc>,
}

/// What became of a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResolveOutcome {
    /// The message is resolved, now or by the same decision before. As it now is.
    Resolved(Box<Message>),
    /// There is no such message in the workspace.
    NotFound,
    /// Its outcome is not unknown: it is in this state.
    NotUnknown(MessageState),
}

/// Decisions of people. The policy's are [`crate::sweep::SweepStore::settle_unknown`].
#[async_trait]
pub trait ResolutionStore: Send + Sync {
    /// One transaction: a message that is `unknown` makes the move of the decision, with the counters, `message.resolved` and the
    /// event of the state that it is in then, and the decision is kept with the message's last attempt. The same decision again changes
    /// nothing. A message to be sent again waits, bound to the sender that may have sent it as long as that one is wanted, because
    /// another sender's message would be another one to the recipient; when its campaign was completed, that runs again.
    async fn resolve_message(&self, decision: Decision) -> StoreResult<ResolveOutcome>;
}
