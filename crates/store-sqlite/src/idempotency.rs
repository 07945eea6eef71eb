//! Idempotency keys. A row without an answer is a claim, good until `claimed_until`.

use paceline_store::idempotency::RecordedResponse;

use crate::prelude::*;

#[async_trait]
impl IdempotencyRows for Tx {
    async fn claim_idempotency_key(&mut self, workspace: WorkspaceId, key: &str, ttl: Duration) -> Fallible<bool> {
        let take = sqlx::query(concat!(
            "INSERT INTO idempotency_keys (workspace_id, key, claimed_until, recorded_at) VALUES (?1, ?2, ",
            real_now!(),
            " + ?3, ",
            real_now!(),
            ") ON CONFLICT DO UPDATE SET claimed_until = excluded.claimed_until, recorded_at = excluded.recorded_at \
             WHERE status IS NULL AND claimed_until <= excluded.recorded_at"
        ));
        Ok(self.execute(take.bind(blob(workspace)).bind(key).bind(duration_micros(ttl))).await? > 0)
    }

    async fn find_response(&mut self, workspace: WorkspaceId, key: &str) -> Fallible<Option<RecordedResponse>> {
        let answer = sqlx::query(
            "SELECT request_hash, status, content_type, body FROM idempotency_keys \
             WHERE workspace_id = ?1 AND key = ?2 AND status IS NOT NULL",
        );
        self.find(answer.bind(blob(workspace)).bind(key), columns::response).await
    }

    async fn renew_idempotency_key(&mut self, workspace: WorkspaceId, key: &str, ttl: Duration) -> Fallible<()> {
        let update = sqlx::query(concat!(
            "UPDATE idempotency_keys SET claimed_until = ",
            real_now!(),
            " + ?3 WHERE workspace_id = ?1 AND key = ?2 AND status IS NULL"
        ));
        self.run(update.bind(blob(workspace)).bind(key).bind(duration_micros(ttl))).await
    }

    async fn record_response(
        &mut self,
        workspace: WorkspaceId,
        key: &str,
        response: &RecordedResponse,
    ) -> Fallible<()> {
        let record = sqlx::query(concat!(
            "INSERT INTO idempotency_keys \
             (workspace_id, key, claimed_until, request_hash, status, content_type, body, recorded_at) \
             VALUES (?1, ?2, 0, ?3, ?4, ?5, ?6, ",
            real_now!(),
            ") ON CONFLICT DO UPDATE SET request_hash = excluded.request_hash, status = excluded.status, \
             content_type = excluded.content_type, body = excluded.body, recorded_at = excluded.recorded_at \
             WHERE status IS NULL"
        ));
        let record = record
            .bind(blob(workspace))
            .bind(key)
            .bind(response.request_hash.to_vec())
            .bind(i64::from(response.status))
            .bind(response.content_type.as_str())
            .bind(response.body.as_slice());
        self.run(record).await
    }

    async fn void_idempotency_claims(&mut self) -> Fallible<u64> {
        self.execute(sqlx::query(
            "DELETE FROM idempotency_keys INDEXED BY idempotency_keys_unanswered WHERE status IS NULL AND claimed_until > 0",
        ))
        .await
    }

    async fn release_idempotency_key(&mut self, workspace: WorkspaceId, key: &str) -> Fallible<()> {
        let delete =
            sqlx::query("DELETE FROM idempotency_keys WHERE workspace_id = ?1 AND key = ?2 AND status IS NULL");
        self.run(delete.bind(blob(workspace)).bind(key)).await
    }
}
