//! Applying results: the inbox, then what the results say, in one transaction.
//!
//! Outcomes and receipts come first, in their order, and are written together; then incoming messages, which look for the message
//! they answer among what has been written; then sessions. Events keep the order of the results.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{ResultBody, SenderId, SessionState, WorkspaceId, WorkspaceKey};
use paceline_store::{
    StoreResult,
    results::{ApplySummary, ResultStore, ResultToApply},
};

use crate::{
    bulk::Bulk,
    cells::Cells,
    error::Fallible,
    open::SqliteStore,
    transaction::Tx,
    values::{blob, json_blobs, real_now},
};

mod incoming;
mod outgoing;
mod sessions;

#[async_trait]
impl ResultStore for SqliteStore {
    async fn apply_results(&self, results: &[ResultToApply], now: DateTime<Utc>) -> StoreResult<ApplySummary> {
        if results.is_empty() {
            return Ok(ApplySummary::default());
        }
        let results = results.to_vec();
        self.write(move |tx| Box::pin(tx.apply_results(results, now))).await
    }
}

/// The sender that a result is about.
struct Reporter {
    workspace: WorkspaceId,
    key: WorkspaceKey,
    session: SessionState,
    session_at: Option<DateTime<Utc>>,
}

/// A result that the inbox had not seen.
struct Fresh<'r> {
    /// Its place in the batch.
    place: usize,
    result: &'r ResultToApply,
    id: [u8; 16],
    workspace: WorkspaceId,
}

const WRITE_INBOX: Bulk = Bulk {
    head: "INSERT INTO inbox (id, workspace_id, recorded_at) VALUES",
    row: concat!("(?, ?, ", real_now!(), ")"),
    tail: "ON CONFLICT (id) DO NOTHING",
};

impl Tx {
    pub(crate) async fn apply_results(
        &mut self,
        results: Vec<ResultToApply>,
        now: DateTime<Utc>,
    ) -> Fallible<ApplySummary> {
        let mut reporters = self.find_reporters(&results).await?;
        let mut summary = ApplySummary::default();
        let mut seen = HashSet::with_capacity(results.len());
        let mut fresh = Vec::with_capacity(results.len());
        for (place, result) in results.iter().enumerate() {
            let id = result.result.id().to_bytes();
            match reporters.get(&result.result.sender) {
                None => summary.stale += 1,
                Some(_) if !seen.insert(id) => summary.duplicates += 1,
                Some(reporter) => fresh.push(Fresh { place, result, id, workspace: reporter.workspace }),
            }
        }
        let known = self.enter_inbox(&fresh).await?;
        summary.duplicates += u64::try_from(known.len()).unwrap_or(0);
        fresh.retain(|fresh| !known.contains(&fresh.id));

        let mut applied = self.apply_outgoing(&fresh, &mut summary).await?;
        applied += self.apply_incoming(&fresh, &reporters, now, &mut summary).await?;
        applied += self.apply_sessions(&fresh, &mut reporters).await?;
        summary.applied = applied;
        summary.stale += u64::try_from(fresh.len()).unwrap_or(0) - applied;
        Ok(summary)
    }

    async fn find_reporters(&mut self, results: &[ResultToApply]) -> Fallible<HashMap<SenderId, Reporter>> {
        let query = sqlx::query(
            "SELECT s.id, s.workspace_id, s.session_state, s.session_at, w.key FROM json_each(?1) j \
             CROSS JOIN senders s ON s.id = unhex(j.value) JOIN workspaces w ON w.id = s.workspace_id",
        );
        let senders: HashSet<SenderId> = results.iter().map(|result| result.result.sender).collect();
        let query = query.bind(json_blobs(senders.into_iter().map(SenderId::to_bytes)));
        let rows = self.all(query).await?;
        let reporter = |row| {
            let cells = Cells::new("senders", row);
            let reporter = Reporter {
                workspace: cells.id("workspace_id")?,
                key: WorkspaceKey::from_bytes(cells.array("key")?),
                session: cells.word("session_state")?,
                session_at: cells.opt_time("session_at")?,
            };
            Ok((cells.id("id")?, reporter))
        };
        rows.iter().map(reporter).collect()
    }

    /// Enters results into the inbox. Answers those that were in it.
    async fn enter_inbox(&mut self, fresh: &[Fresh<'_>]) -> Fallible<HashSet<[u8; 16]>> {
        let done = WRITE_INBOX
            .run(
                self,
                fresh,
                |_| {},
                |values, fresh| {
                    values.add(fresh.id.to_vec()).add(blob(fresh.workspace));
                },
            )
            .await?;
        let all: HashSet<[u8; 16]> = fresh.iter().map(|fresh| fresh.id).collect();
        if usize::try_from(done.written) == Ok(all.len()) {
            return Ok(HashSet::new());
        }
        // What this transaction entered are the newest rows: there is one writer.
        let entered = sqlx::query("SELECT seq, id FROM inbox ORDER BY seq DESC LIMIT ?1");
        let rows = self.all(entered.bind(i64::try_from(done.written).unwrap_or(0))).await?;
        let entered = rows.iter().map(|row| Cells::new("inbox", row).array("id"));
        let entered = entered.collect::<Fallible<HashSet<[u8; 16]>>>()?;
        Ok(all.difference(&entered).copied().collect())
    }
}

/// Whether a result is about a message that we sent.
fn is_outgoing(body: &ResultBody) -> bool {
    matches!(body, ResultBody::Attempt { .. } | ResultBody::Receipt(_))
}
