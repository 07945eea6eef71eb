//! Dead letters.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{DeadLetterId, Job, WorkspaceId};
use paceline_store::{
    Page, PageRequest, StoreResult,
    dead_letters::{
        DeadBody, DeadLetter, DeadLetterFilter, DeadLetterSink, DeadLetterStore, NewDeadLetter, ReplayOutcome,
    },
    release::{Claim, PutOff},
};

use crate::{Database, Fallible, Ledger, cursor::Cursor, results, transaction::Tx, waiting};

#[async_trait]
impl<D: Database> DeadLetterSink for Ledger<D> {
    async fn record_dead_letters(&self, letters: &[NewDeadLetter], not_before: DateTime<Utc>) -> StoreResult<u64> {
        if letters.is_empty() {
            return Ok(0);
        }
        let letters = letters.to_vec();
        self.write(move |tx| Box::pin(record_dead_letters(tx, letters, not_before))).await
    }
}

#[async_trait]
impl<D: Database> DeadLetterStore for Ledger<D> {
    async fn list_dead_letters(
        &self,
        workspace: WorkspaceId,
        filter: DeadLetterFilter,
        page: PageRequest,
    ) -> StoreResult<Page<DeadLetter>> {
        let cursor = Cursor::read(&page)?;
        let after = cursor.after.unwrap_or(0);
        let rows = self.database.list_dead_letters(workspace, filter, after, cursor.fetch()).await?;
        Ok(cursor.page_of_keyed(rows.into_iter().map(|row| (row.seq, row.letter)).collect()))
    }

    async fn replay_dead_letter(
        &self,
        workspace: WorkspaceId,
        letter: DeadLetterId,
        now: DateTime<Utc>,
    ) -> StoreResult<ReplayOutcome> {
        self.write(move |tx| Box::pin(replay_dead_letter(tx, workspace, letter, now))).await
    }
}

fn claims_of(job: &Job) -> impl Iterator<Item = Claim> {
    job.items.iter().map(|item| Claim { message: item.message, generation: item.generation })
}

async fn record_dead_letters(tx: &mut Tx<'_>, letters: Vec<NewDeadLetter>, not_before: DateTime<Utc>) -> Fallible<u64> {
    let added = tx.rows.add_dead_letters(&letters).await?;
    let jobs = letters.iter().filter_map(|letter| match &letter.body {
        DeadBody::Job(job) => Some(job),
        DeadBody::Result(_) | DeadBody::Unreadable(_) => None,
    });
    let claims: Vec<Claim> = jobs.flat_map(claims_of).collect();
    if !claims.is_empty() {
        let put_off = PutOff { not_before: Some(not_before), waits_for: waiting::DEAD_LETTER };
        waiting::give_back(tx, &claims, put_off).await?;
    }
    Ok(added)
}

/// The letter is locked: of two replays at once the second finds what the first did.
async fn replay_dead_letter(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    id: DeadLetterId,
    now: DateTime<Utc>,
) -> Fallible<ReplayOutcome> {
    let Some(locked) = tx.rows.lock_dead_letter(workspace, id).await? else { return Ok(ReplayOutcome::NotFound) };
    if locked.letter.replayed_at.is_some() {
        return Ok(ReplayOutcome::Replayed(Box::new(locked.letter.clone())));
    }
    match &locked.letter.body {
        DeadBody::Unreadable(_) => return Ok(ReplayOutcome::Unreadable),
        DeadBody::Result(result) => {
            results::apply(tx, std::slice::from_ref(result), now).await?;
        }
        DeadBody::Job(job) => waiting::release_again(tx, &claims_of(job).collect::<Vec<_>>()).await?,
    }
    Ok(ReplayOutcome::Replayed(Box::new(tx.rows.note_replayed(&locked).await?)))
}
