//! Idempotency keys. A row without an answer is a claim, good until `claimed_until`.

use std::time::Duration;

use async_trait::async_trait;
use paceline_domain::WorkspaceId;
use paceline_ledger::{Fallible, rows::IdempotencyRows};
use paceline_store::idempotency::RecordedResponse;

use crate::{
    cells::Cells,
    transaction::Tx,
    values::{blob, duration_micros, real_now},
};

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
        let Some(row) = self.one(answer.bind(blob(workspace)).bind(key)).await? else { return Ok(None) };
        let cells = Cells::new("idempotency_keys", &row);
        Ok(Some(RecordedResponse {
            request_hash: cells.array("request_hash")?,
            status: cells.small("status")?,
            content_type: cells.string("content_type")?,
            body: cells.bytes("body")?.to_vec(),
        }))
    }

    async fn renew_idempotency_key(&mut self, workspace: WorkspaceId, key: &str, ttl: Duration) -> Fallible<()> {
        let update = sqlx::query(concat!(
            "UPDATE idempotency_keys SET claimed_until = ",
            real_now!(),
            " + ?3 WHERE workspace_id = ?1 AND key = ?2 AND status IS NULL"
        ));
        self.execute(update.bind(blob(workspace)).bind(key).bind(duration_micros(ttl))).await?;
        Ok(())
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
        self.execute(record).await?;
        Ok(())
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
        self.execute(delete.bind(blob(workspace)).bind(key)).await?;
        Ok(())
    }
}
