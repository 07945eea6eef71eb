//! Idempotency keys. A row without an answer is a claim, good until `claimed_until`.

use paceline_store::idempotency::RecordedResponse;

use crate::prelude::*;

/// Of two claims at once, the second waits for the first to commit and then finds it. The time by which it judges was taken before it
/// waited, so it errs towards a claim that holds.
const CLAIM: &str = concat!(
    "INSERT INTO idempotency_keys (workspace_id, key, claimed_until, recorded_at) VALUES ($1, $2, ",
    real_now!(),
    " + ",
    micros_of!("$3"),
    ", ",
    real_now!(),
    ") ON CONFLICT (workspace_id, key) DO UPDATE \
     SET claimed_until = excluded.claimed_until, recorded_at = excluded.recorded_at \
     WHERE idempotency_keys.status IS NULL AND idempotency_keys.claimed_until <= excluded.recorded_at"
);

/// One whose claim was taken away by a purge is recorded all the same.
const RECORD: &str = concat!(
    "INSERT INTO idempotency_keys \
     (workspace_id, key, claimed_until, request_hash, status, content_type, body, recorded_at) \
     VALUES ($1, $2, 'epoch', $3, $4, $5, $6, ",
    real_now!(),
    ") ON CONFLICT (workspace_id, key) DO UPDATE SET request_hash = excluded.request_hash, status = excluded.status, \
     content_type = excluded.content_type, body = excluded.body, recorded_at = excluded.recorded_at \
     WHERE idempotency_keys.status IS NULL"
);

#[async_trait]
impl IdempotencyRows for Tx {
    async fn claim_idempotency_key(&mut self, workspace: WorkspaceId, key: &str, ttl: Duration) -> Fallible<bool> {
        let claim = sqlx::query(CLAIM).bind(uuid(workspace)).bind(storable(key)).bind(duration_micros(ttl));
        Ok(self.execute(claim).await? > 0)
    }

    async fn find_response(&mut self, workspace: WorkspaceId, key: &str) -> Fallible<Option<RecordedResponse>> {
        let answer = sqlx::query(
            "SELECT request_hash, status, content_type, body FROM idempotency_keys \
             WHERE workspace_id = $1 AND key = $2 AND status IS NOT NULL",
        );
        self.find(answer.bind(uuid(workspace)).bind(storable(key)), columns::response).await
    }

    async fn renew_idempotency_key(&mut self, workspace: WorkspaceId, key: &str, ttl: Duration) -> Fallible<()> {
        let renew = sqlx::query(concat!(
            "UPDATE idempotency_keys SET claimed_until = ",
            real_now!(),
            " + ",
            micros_of!("$3"),
            " WHERE workspace_id = $1 AND key = $2 AND status IS NULL"
        ));
        self.run(renew.bind(uuid(workspace)).bind(storable(key)).bind(duration_micros(ttl))).await
    }

    async fn record_response(
        &mut self,
        workspace: WorkspaceId,
        key: &str,
        response: &RecordedResponse,
    ) -> Fallible<()> {
        let record = sqlx::query(RECORD)
            .bind(uuid(workspace))
            .bind(storable(key))
            .bind(response.request_hash.to_vec())
            .bind(i64::from(response.status))
            .bind(storable(&response.content_type))
            .bind(response.body.as_slice());
        self.run(record).await
    }

    async fn void_idempotency_claims(&mut self) -> Fallible<u64> {
        let void = "DELETE FROM idempotency_keys WHERE status IS NULL AND claimed_until > 'epoch'";
        self.execute(sqlx::query(void)).await
    }

    async fn release_idempotency_key(&mut self, workspace: WorkspaceId, key: &str) -> Fallible<()> {
        let release =
            sqlx::query("DELETE FROM idempotency_keys WHERE workspace_id = $1 AND key = $2 AND status IS NULL");
        self.run(release.bind(uuid(workspace)).bind(storable(key))).await
    }
}
