//! Applying results: the inbox, then what the results say, in one transaction.
//!
//! Outcomes and receipts come first, in their order, and are written together; then incoming messages, which look for the message
//! they answer among what has been written; then sessions. Events keep the order of the results.
//!
//! The inbox is entered first: whoever applies the same result at the same time waits there, and finds it known. Then come
//! the locks in their order: for changes of sessions the round of releasing and the senders, for opt-outs the people's gates.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{ResultBody, SenderId, WorkspaceId};
use paceline_store::{
    StoreResult,
    results::{ApplySummary, ResultStore, ResultToApply},
};

use crate::{Database, Fallible, Ledger, rows::Reporter, transaction::Tx};

mod incoming;
mod outgoing;
mod sessions;
mod settle;

pub use settle::{Settlement, settle, settle_receipt};

#[async_trait]
impl<D: Database> ResultStore for Ledger<D> {
    async fn apply_results(&self, results: &[ResultToApply], now: DateTime<Utc>) -> StoreResult<ApplySummary> {
        if results.is_empty() {
            return Ok(ApplySummary::default());
        }
        let results = results.to_vec();
        self.write(move |tx| Box::pin(async move { apply(tx, &results, now).await })).await
    }
}

/// A result that the inbox had not seen.
struct Fresh<'r> {
    /// Its place in the batch.
    place: usize,
    result: &'r ResultToApply,
    id: [u8; 16],
    reporter: &'r Reporter,
}

impl<'r> Fresh<'r> {
    const fn body(&self) -> &'r ResultBody {
        &self.result.result.body
    }
}

/// Applies results.
pub(crate) async fn apply(tx: &mut Tx<'_>, results: &[ResultToApply], now: DateTime<Utc>) -> Fallible<ApplySummary> {
    let reporters = find_reporters(tx, results).await?;
    let mut summary = ApplySummary::default();
    let fresh = enter(tx, results, &reporters, &mut summary).await?;

    let senders = sessions::lock(tx, &fresh).await?;
    let arrived = incoming::arrivals(&fresh);
    incoming::close_gates(tx, &arrived).await?;
    let mut applied = outgoing::apply(tx, &fresh, &mut summary).await?;
    applied += incoming::apply(tx, &arrived, now, &mut summary).await?;
    applied += sessions::apply(tx, &fresh, &senders).await?;
    summary.applied = applied;
    summary.stale += u64::try_from(fresh.len()).unwrap_or(0) - applied;
    Ok(summary)
}

async fn find_reporters(tx: &mut Tx<'_>, results: &[ResultToApply]) -> Fallible<HashMap<SenderId, Reporter>> {
    let senders: BTreeSet<SenderId> = results.iter().map(|result| result.result.sender).collect();
    let senders: Vec<SenderId> = senders.into_iter().collect();
    let reporters = tx.rows.list_reporters(&senders).await?;
    Ok(reporters.into_iter().map(|reporter| (reporter.sender, reporter)).collect())
}

/// Enters results into the inbox, in the order of their ids, because two who enter the same ones wait for each other. Answers
/// those that were not in it, in the order of the batch.
async fn enter<'r>(
    tx: &mut Tx<'_>,
    results: &'r [ResultToApply],
    reporters: &'r HashMap<SenderId, Reporter>,
    summary: &mut ApplySummary,
) -> Fallible<Vec<Fresh<'r>>> {
    let mut seen = HashSet::with_capacity(results.len());
    let mut fresh = Vec::with_capacity(results.len());
    for (place, result) in results.iter().enumerate() {
        let id = result.result.id().to_bytes();
        match reporters.get(&result.result.sender) {
            None => summary.stale += 1,
            Some(_) if !seen.insert(id) => summary.duplicates += 1,
            Some(reporter) => fresh.push(Fresh { place, result, id, reporter }),
        }
    }
    if fresh.is_empty() {
        return Ok(fresh);
    }
    let rows: BTreeMap<[u8; 16], WorkspaceId> =
        fresh.iter().map(|fresh| (fresh.id, fresh.reporter.workspace)).collect();
    let rows: Vec<_> = rows.into_iter().collect();
    let entered = tx.rows.enter_inbox(&rows).await?;
    let named = fresh.len();
    fresh.retain(|fresh| entered.contains(&fresh.id));
    summary.duplicates += u64::try_from(named - fresh.len()).unwrap_or(0);
    Ok(fresh)
}
