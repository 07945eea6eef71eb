//! Applying results: the inbox, then what the results say, in one transaction.
//!
//! Outcomes and receipts come first, in their order, and are written together; then incoming messages, which look for the message
//! they answer among what has been written; then sessions. Events keep the order of the results.
//!
//! The inbox is entered first: whoever applies the same result at the same time waits there, and finds it known. Then come
//! the locks in the crate's order: for changes of sessions the rounds of releasing and the senders, for opt-outs the people's gates.

use std::collections::{BTreeMap, HashMap, HashSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{ResultBody, SenderId, SessionState, WorkspaceId, WorkspaceKey};
use paceline_store::{
    StoreResult,
    results::{ApplySummary, ResultStore, ResultToApply},
};
use sqlx::{Row as _, types::Uuid};

use crate::{
    cells::Cells,
    error::Fallible,
    open::PostgresStore,
    transaction::Tx,
    values::{real_now, uuid, uuids},
};

mod incoming;
mod outgoing;
mod sessions;

#[async_trait]
impl ResultStore for PostgresStore {
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
        let named = fresh.len();
        let entered = self.enter_inbox(&fresh).await?;
        fresh.retain(|fresh| entered.contains(&fresh.id));
        summary.duplicates += u64::try_from(named - fresh.len()).unwrap_or(0);

        self.hold_sessions(&fresh, &mut reporters).await?;
        self.close_gates_of_opt_outs(&fresh, &reporters).await?;
        let mut applied = self.apply_outgoing(&fresh, &mut summary).await?;
        applied += self.apply_incoming(&fresh, &reporters, now, &mut summary).await?;
        applied += self.apply_sessions(&fresh, &mut reporters).await?;
        summary.applied = applied;
        summary.stale += u64::try_from(fresh.len()).unwrap_or(0) - applied;
        Ok(summary)
    }

    async fn find_reporters(&mut self, results: &[ResultToApply]) -> Fallible<HashMap<SenderId, Reporter>> {
        let query = sqlx::query(
            "SELECT s.id, s.workspace_id, s.session_state, s.session_at, w.key FROM senders s \
             JOIN workspaces w ON w.id = s.workspace_id WHERE s.id = ANY($1)",
        );
        let senders: HashSet<SenderId> = results.iter().map(|result| result.result.sender).collect();
        let rows = self.all(query.bind(uuids(senders))).await?;
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

    /// Enters results into the inbox, in the order of their ids, because two who enter the same ones wait for each other. Answers
    /// those that were not in it.
    async fn enter_inbox(&mut self, fresh: &[Fresh<'_>]) -> Fallible<HashSet<[u8; 16]>> {
        let rows: BTreeMap<[u8; 16], WorkspaceId> = fresh.iter().map(|fresh| (fresh.id, fresh.workspace)).collect();
        if rows.is_empty() {
            return Ok(HashSet::new());
        }
        let enter = sqlx::query(concat!(
            "INSERT INTO inbox (id, workspace_id, recorded_at) SELECT v.id, v.workspace_id, ",
            real_now!(),
            " FROM unnest($1::uuid[], $2::uuid[]) AS v (id, workspace_id) ORDER BY v.id \
             ON CONFLICT (id) DO NOTHING RETURNING id"
        ));
        let ids: Vec<Uuid> = rows.keys().copied().map(Uuid::from_bytes).collect();
        let workspaces: Vec<Uuid> = rows.into_values().map(uuid).collect();
        let rows = self.all(enter.bind(ids).bind(workspaces)).await?;
        rows.iter().map(|row| Ok(row.try_get::<Uuid, _>("id")?.into_bytes())).collect()
    }
}

/// Whether a result is about a message that we sent.
fn is_outgoing(body: &ResultBody) -> bool {
    matches!(body, ResultBody::Attempt { .. } | ResultBody::Receipt(_))
}
