//! Idempotency keys. A row without an answer is a claim, good until `claimed_until`.

use std::time::Duration;

use async_trait::async_trait;
use paceline_domain::WorkspaceId;
use paceline_store::idempotency::RecordedResponse;

use crate::{
    Fallible, columns,
    rows::IdempotencyRows,
    statements::{Statement, Writing},
};

/// The texts. Every one begins with the workspace and the key.
#[derive(Debug)]
pub struct IdempotencyTexts {
    /// Claims a key: how long.
    pub claim: &'static str,
    /// The response.
    pub find: &'static str,
    /// Claims a key for longer: how long.
    pub renew: &'static str,
    /// Records a response: hash of the request, status, type of the content, body.
    pub record: &'static str,
    /// Ends every claim; this one has no values.
    pub void: &'static str,
    /// Ends a claim.
    pub release: &'static str,
}

#[async_trait]
impl<X: Writing> IdempotencyRows for X {
    async fn claim_idempotency_key(&mut self, workspace: WorkspaceId, key: &str, ttl: Duration) -> Fallible<bool> {
        Ok(self
            .execute(X::bound(Statement::new(X::TEXTS.idempotency.claim).with(workspace).with(key).with(ttl)))
            .await?
            > 0)
    }

    async fn find_response(&mut self, workspace: WorkspaceId, key: &str) -> Fallible<Option<RecordedResponse>> {
        let find = Statement::new(X::TEXTS.idempotency.find).with(workspace).with(key);
        self.find(X::bound(find), columns::response).await
    }

    async fn renew_idempotency_key(&mut self, workspace: WorkspaceId, key: &str, ttl: Duration) -> Fallible<()> {
        self.run(X::bound(Statement::new(X::TEXTS.idempotency.renew).with(workspace).with(key).with(ttl))).await
    }

    async fn record_response(
        &mut self,
        workspace: WorkspaceId,
        key: &str,
        response: &RecordedResponse,
    ) -> Fallible<()> {
        let record = Statement::new(X::TEXTS.idempotency.record)
            .with(workspace)
            .with(key)
            .with(response.request_hash.to_vec())
            .with(i64::from(response.status))
            .with(response.content_type.as_str())
            .with(response.body.as_slice());
        self.run(X::bound(record)).await
    }

    async fn void_idempotency_claims(&mut self) -> Fallible<u64> {
        self.execute(X::bound(Statement::new(X::TEXTS.idempotency.void))).await
    }

    async fn release_idempotency_key(&mut self, workspace: WorkspaceId, key: &str) -> Fallible<()> {
        self.run(X::bound(Statement::new(X::TEXTS.idempotency.release).with(workspace).with(key))).await
    }
}
