//! Results: who reports, and the inbox that drops what comes twice.

use std::collections::HashSet;

use sqlx::types::Uuid;

use crate::prelude::*;

/// In the order of the ids, because two who enter the same ones wait for each other.
const ENTER: &str = concat!(
    "INSERT INTO inbox (id, workspace_id, recorded_at) SELECT v.id, v.workspace_id, ",
    real_now!(),
    " FROM unnest($1::uuid[], $2::uuid[]) AS v (id, workspace_id) ORDER BY v.id \
     ON CONFLICT (id) DO NOTHING RETURNING id"
);

#[async_trait]
impl ResultRows for Tx {
    async fn list_reporters(&mut self, senders: &[SenderId]) -> Fallible<Vec<Reporter>> {
        if senders.is_empty() {
            return Ok(Vec::new());
        }
        let query = sqlx::query(
            "SELECT s.id, s.workspace_id, w.key FROM senders s JOIN workspaces w ON w.id = s.workspace_id WHERE s.id = ANY($1)",
        );
        self.list(query.bind(uuids(senders.iter().copied())), columns::reporter).await
    }

    async fn enter_inbox(&mut self, results: &[([u8; 16], WorkspaceId)]) -> Fallible<HashSet<[u8; 16]>> {
        if results.is_empty() {
            return Ok(HashSet::new());
        }
        let enter = sqlx::query(ENTER)
            .bind(column(results, |(id, _)| Uuid::from_bytes(*id)))
            .bind(column(results, |(_, workspace)| uuid(*workspace)));
        self.list(enter, columns::inbox_id).await
    }
}
