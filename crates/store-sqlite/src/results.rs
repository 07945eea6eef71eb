//! Results: who reports, and the inbox that drops what comes twice.

use std::collections::HashSet;

use crate::prelude::*;

const ENTER: Bulk = Bulk {
    head: "INSERT INTO inbox (id, workspace_id, recorded_at) VALUES",
    row: concat!("(?, ?, ", real_now!(), ")"),
    tail: "ON CONFLICT (id) DO NOTHING",
};

#[async_trait]
impl ResultRows for Tx {
    async fn list_reporters(&mut self, senders: &[SenderId]) -> Fallible<Vec<Reporter>> {
        let query = sqlx::query(
            "SELECT s.id, s.workspace_id, w.key FROM json_each(?1) j \
             CROSS JOIN senders s ON s.id = unhex(j.value) JOIN workspaces w ON w.id = s.workspace_id",
        );
        self.list(query.bind(json_ids(senders.iter().copied())), columns::reporter).await
    }

    async fn enter_inbox(&mut self, results: &[([u8; 16], WorkspaceId)]) -> Fallible<HashSet<[u8; 16]>> {
        let done = ENTER
            .run(
                self,
                results,
                |_| {},
                |values, (id, workspace)| {
                    values.add(id.to_vec()).add(blob(*workspace));
                },
            )
            .await?;
        if usize::try_from(done.written) == Ok(results.len()) {
            return Ok(results.iter().map(|(id, _)| *id).collect());
        }
        // What this transaction entered are the newest rows: there is one writer.
        let entered = sqlx::query("SELECT seq, id FROM inbox ORDER BY seq DESC LIMIT ?1");
        self.list(entered.bind(i64::try_from(done.written).unwrap_or(0)), columns::inbox_id).await
    }
}
