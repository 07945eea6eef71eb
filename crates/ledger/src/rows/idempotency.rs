//! Idempotency keys. A row without an answer is a claim, good until its deadline.

use std::time::Duration;

use async_trait::async_trait;
use paceline_domain::WorkspaceId;
use paceline_store::idempotency::RecordedResponse;

use crate::Fallible;

/// Statements of a transaction.
#[async_trait]
pub trait IdempotencyRows {
    /// Claims a key for `ttl` unless it is answered or its claim holds. Answers whether it was claimed.
    async fn claim_idempotency_key(&mut self, workspace: WorkspaceId, key: &str, ttl: Duration) -> Fallible<bool>;

    /// The answer under a key, when it has one.
    async fn find_response(&mut self, workspace: WorkspaceId, key: &str) -> Fallible<Option<RecordedResponse>>;

    /// Lets an unanswered claim hold for `ttl` from now.
    async fn renew_idempotency_key(&mut self, workspace: WorkspaceId, key: &str, ttl: Duration) -> Fallible<()>;

    /// Writes an answer unless there is one.
    async fn record_response(&mut self, workspace: WorkspaceId, key: &str, response: &RecordedResponse)
    -> Fallible<()>;

    /// Removes every unanswered claim. Answers how many.
    async fn void_idempotency_claims(&mut self) -> Fallible<u64>;

    /// Removes an unanswered claim.
    async fn release_idempotency_key(&mut self, workspace: WorkspaceId, key: &str) -> Fallible<()>;
}
