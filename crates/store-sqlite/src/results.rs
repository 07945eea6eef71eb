//! Results: who reports, and the inbox that drops what comes twice.

use std::collections::HashSet;

use async_trait::async_trait;
use paceline_domain::{SenderId, WorkspaceId, WorkspaceKey};
use paceline_ledger::{
    Fallible,
    rows::{Reporter, ResultRows},
};

use crate::{
    bulk::Bulk,
    cells::Cells,
    transaction::Tx,
    values::{blob, json_ids, real_now},
};

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
        let reporter = |row| {
            let cells = Cells::new("senders", row);
            let (sender, workspace) = (cells.id("id")?, cells.id("workspace_id")?);
            Ok(Reporter { sender, workspace, key: WorkspaceKey::from_bytes(cells.array("key")?) })
        };
        self.all(query.bind(json_ids(senders.iter().copied()))).await?.iter().map(reporter).collect()
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
        let rows = self.all(entered.bind(i64::try_from(done.written).unwrap_or(0))).await?;
        rows.iter().map(|row| Cells::new("inbox", row).array("id")).collect()
    }
}
