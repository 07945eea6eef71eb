//! Idempotency keys: the first answer to a request is the answer to its repetitions.
//!
//! A crash between a creating transaction and the recording of its answer is covered by the caller, which derives the ids
//! that it mints from the key, so that a second execution finds what the first one made.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use paceline_domain::WorkspaceId;

use crate::StoreResult;

/// A claim on a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyClaim {
    /// Whose key.
    pub workspace: WorkspaceId,
    /// The key as sent, at most 255 characters.
    pub key: String,
    /// How long other requests with the key are refused unless the claim is renewed, in real time.
    pub ttl: Duration,
}

/// A recorded answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedResponse {
    /// SHA-256 over method, path and body of the request that was answered.
    pub request_hash: [u8; 32],
    /// The HTTP status.
    pub status: u16,
    /// The content type of the body.
    pub content_type: String,
    /// The body.
    pub body: Vec<u8>,
}

/// What became of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// The key is the caller's until the ttl has passed.
    Claimed,
    /// The key was answered before. The caller compares the request hash.
    Answered(RecordedResponse),
    /// Another request holds the key.
    InFlight,
}

/// A request that is done and answered in one transaction: its key is claimed, what it asks for is made, and the answer is recorded, or
/// nothing of it is.
#[derive(Clone)]
pub struct Once<T> {
    /// The claim. Its ttl matters to nobody else, since nobody sees it unanswered.
    pub claim: IdempotencyClaim,
    /// What the answer to an outcome is.
    pub answer: Arc<dyn Fn(&T) -> RecordedResponse + Send + Sync>,
}

impl<T> fmt::Debug for Once<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").field("claim", &self.claim).finish_non_exhaustive()
    }
}

/// What became of a request that is to be done once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnceOutcome<T> {
    /// It was done now, and its answer is recorded.
    Done(T),
    /// The key was answered before. The caller compares the request hash.
    Answered(RecordedResponse),
    /// Another request holds the key.
    InFlight,
}

/// Idempotency keys.
#[async_trait]
pub trait IdempotencyStore: Send + Sync {
    /// Claims a key. A claim whose ttl has passed without an answer may be claimed again.
    async fn claim_idempotency_key(&self, claim: IdempotencyClaim) -> StoreResult<ClaimOutcome>;

    /// Claims a key although another request may hold it: whoever held it does not answer any more.
    async fn take_over_idempotency_key(&self, claim: IdempotencyClaim) -> StoreResult<ClaimOutcome>;

    /// Extends a claim that the caller holds.
    async fn renew_idempotency_key(&self, claim: IdempotencyClaim) -> StoreResult<()>;

    /// Records the answer of a claimed key.
    async fn record_response(&self, workspace: WorkspaceId, key: &str, response: RecordedResponse) -> StoreResult<()>;

    /// Gives every unanswered key back: those who claimed them are known to be dead, as at the start of an embedded
    /// installation. Answers how many.
    async fn void_idempotency_claims(&self) -> StoreResult<u64>;

    /// Gives a claimed key back unanswered, so that the request may be repeated.
    async fn release_idempotency_key(&self, workspace: WorkspaceId, key: &str) -> StoreResult<()>;
}
