//! Idempotency keys. A row without an answer is a claim, good until `claimed_until`.

use async_trait::async_trait;
use paceline_domain::WorkspaceId;
use paceline_store::{
    StoreResult,
    idempotency::{ClaimOutcome, IdempotencyClaim, IdempotencyStore, RecordedResponse},
};

use crate::{
    cells::Cells,
    error::Fallible,
    open::PostgresStore,
    transaction::Tx,
    values::{duration_micros, micros_of, real_now, storable, uuid},
};

#[async_trait]
impl IdempotencyStore for PostgresStore {
    async fn claim_idempotency_key(&self, claim: IdempotencyClaim) -> StoreResult<ClaimOutcome> {
        self.write(move |tx| Box::pin(tx.claim_idempotency_key(claim))).await
    }

    async fn renew_idempotency_key(&self, claim: IdempotencyClaim) -> StoreResult<()> {
        self.write(move |tx| {
            Box::pin(async move {
                let update = sqlx::query(concat!(
                    "UPDATE idempotency_keys SET claimed_until = ",
                    real_now!(),
                    " + ",
                    micros_of!("$3"),
                    " WHERE workspace_id = $1 AND key = $2 AND status IS NULL"
                ));
                let update = update.bind(uuid(claim.workspace)).bind(storable(&claim.key));
                let update = update.bind(duration_micros(claim.ttl));
                tx.execute(update).await.map(|_| ())
            })
        })
        .await
    }

    async fn record_response(&self, workspace: WorkspaceId, key: &str, response: RecordedResponse) -> StoreResult<()> {
        let key = key.to_owned();
        self.write(move |tx| Box::pin(tx.record_response(workspace, key, response))).await
    }

    async fn void_idempotency_claims(&self) -> StoreResult<u64> {
        self.write(|tx| {
            Box::pin(
                tx.execute(sqlx::query(
                    "DELETE FROM idempotency_keys WHERE status IS NULL AND claimed_until > 'epoch'",
                )),
            )
        })
        .await
    }

    async fn release_idempotency_key(&self, workspace: WorkspaceId, key: &str) -> StoreResult<()> {
        let key = key.to_owned();
        self.write(move |tx| {
            Box::pin(async move {
                let delete =
                    sqlx::query("DELETE FROM idempotency_keys WHERE workspace_id = $1 AND key = $2 AND status IS NULL");
                tx.execute(delete.bind(uuid(workspace)).bind(storable(&key))).await.map(|_| ())
            })
        })
        .await
    }
}

impl Tx {
    /// Of two claims at once, the second waits for the first to commit and then finds it. The time by which it judges was taken
    /// before it waited, so it errs towards `InFlight`.
    async fn claim_idempotency_key(&mut self, claim: IdempotencyClaim) -> Fallible<ClaimOutcome> {
        let take = sqlx::query(concat!(
            "INSERT INTO idempotency_keys (workspace_id, key, claimed_until, recorded_at) VALUES ($1, $2, ",
            real_now!(),
            " + ",
            micros_of!("$3"),
            ", ",
            real_now!(),
            ") ON CONFLICT (workspace_id, key) DO UPDATE \
             SET claimed_until = excluded.claimed_until, recorded_at = excluded.recorded_at \
             WHERE idempotency_keys.status IS NULL AND idempotency_keys.claimed_until <= excluded.recorded_at"
        ));
        let take = take.bind(uuid(claim.workspace)).bind(storable(&claim.key)).bind(duration_micros(claim.ttl));
        if self.execute(take).await? > 0 {
            return Ok(ClaimOutcome::Claimed);
        }
        let answer = sqlx::query(
            "SELECT request_hash, status, content_type, body FROM idempotency_keys \
             WHERE workspace_id = $1 AND key = $2 AND status IS NOT NULL",
        );
        let Some(row) = self.one(answer.bind(uuid(claim.workspace)).bind(storable(&claim.key))).await? else {
            return Ok(ClaimOutcome::InFlight);
        };
        let cells = Cells::new("idempotency_keys", &row);
        Ok(ClaimOutcome::Answered(RecordedResponse {
            request_hash: cells.array("request_hash")?,
            status: cells.small("status")?,
            content_type: cells.string("content_type")?,
            body: cells.bytes("body")?.to_vec(),
        }))
    }

    /// The first answer stays. One whose claim was taken away by a purge is recorded all the same.
    async fn record_response(
        &mut self,
        workspace: WorkspaceId,
        key: String,
        response: RecordedResponse,
    ) -> Fallible<()> {
        let record = sqlx::query(concat!(
            "INSERT INTO idempotency_keys \
             (workspace_id, key, claimed_until, request_hash, status, content_type, body, recorded_at) \
             VALUES ($1, $2, 'epoch', $3, $4, $5, $6, ",
            real_now!(),
            ") ON CONFLICT (workspace_id, key) DO UPDATE SET request_hash = excluded.request_hash, status = excluded.status, \
             content_type = excluded.content_type, body = excluded.body, recorded_at = excluded.recorded_at \
             WHERE idempotency_keys.status IS NULL"
        ));
        let record = record
            .bind(uuid(workspace))
            .bind(storable(&key))
            .bind(response.request_hash.to_vec())
            .bind(i64::from(response.status))
            .bind(storable(&response.content_type))
            .bind(response.body);
        self.execute(record).await?;
        Ok(())
    }
}
