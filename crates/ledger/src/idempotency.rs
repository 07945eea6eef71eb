//! Idempotency keys. A row without an answer is a claim, good until its deadline.

use async_trait::async_trait;
use paceline_domain::WorkspaceId;
use paceline_store::{
    StoreResult,
    idempotency::{ClaimOutcome, IdempotencyClaim, IdempotencyStore, RecordedResponse},
};

use crate::{Database, Fallible, Ledger, transaction::Tx};

#[async_trait]
impl<D: Database> IdempotencyStore for Ledger<D> {
    async fn claim_idempotency_key(&self, claim: IdempotencyClaim) -> StoreResult<ClaimOutcome> {
        self.write(move |tx| Box::pin(claim_key(tx, claim))).await
    }

    async fn take_over_idempotency_key(&self, claim: IdempotencyClaim) -> StoreResult<ClaimOutcome> {
        self.write(move |tx| Box::pin(take_over_key(tx, claim))).await
    }

    async fn renew_idempotency_key(&self, claim: IdempotencyClaim) -> StoreResult<()> {
        let IdempotencyClaim { workspace, key, ttl } = claim;
        self.write(move |tx| Box::pin(async move { tx.rows.renew_idempotency_key(workspace, &key, ttl).await })).await
    }

    /// The first answer stays. One whose claim was taken away by a purge is recorded all the same.
    async fn record_response(&self, workspace: WorkspaceId, key: &str, response: RecordedResponse) -> StoreResult<()> {
        let key = key.to_owned();
        self.write(move |tx| Box::pin(async move { tx.rows.record_response(workspace, &key, &response).await })).await
    }

    async fn void_idempotency_claims(&self) -> StoreResult<u64> {
        self.write(|tx| tx.rows.void_idempotency_claims()).await
    }

    async fn release_idempotency_key(&self, workspace: WorkspaceId, key: &str) -> StoreResult<()> {
        let key = key.to_owned();
        self.write(move |tx| Box::pin(async move { tx.rows.release_idempotency_key(workspace, &key).await })).await
    }
}

/// Of two claims at once, the second waits for the first to commit and then finds it. The time by which it judges was taken before
/// it waited, so it errs towards `InFlight`.
pub(crate) async fn claim_key(tx: &mut Tx<'_>, claim: IdempotencyClaim) -> Fallible<ClaimOutcome> {
    let IdempotencyClaim { workspace, key, ttl } = claim;
    if tx.rows.claim_idempotency_key(workspace, &key, ttl).await? {
        return Ok(ClaimOutcome::Claimed);
    }
    let answer = tx.rows.find_response(workspace, &key).await?;
    Ok(answer.map_or(ClaimOutcome::InFlight, ClaimOutcome::Answered))
}

async fn take_over_key(tx: &mut Tx<'_>, claim: IdempotencyClaim) -> Fallible<ClaimOutcome> {
    match claim_key(tx, claim.clone()).await? {
        ClaimOutcome::InFlight => {
            tx.rows.renew_idempotency_key(claim.workspace, &claim.key, claim.ttl).await?;
            Ok(ClaimOutcome::Claimed)
        }
        outcome => Ok(outcome),
    }
}
