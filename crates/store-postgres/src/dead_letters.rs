//! Dead letters.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{DeadLetterId, DeadLetterKind, Job, WorkspaceId};
use paceline_store::{
    Page, PageRequest, StoreResult,
    dead_letters::{
        BurialStore, DeadBody, DeadLetter, DeadLetterFilter, DeadLetterStore, NewDeadLetter, ReplayOutcome,
    },
    release::{Claim, PutOff},
};
use sqlx::postgres::PgRow;

use crate::{
    bulk::column,
    cells::Cells,
    cursor::Cursor,
    error::Fallible,
    open::PostgresStore,
    transaction::Tx,
    values::{opt_uuid, real_now, uuid, uuids},
};

macro_rules! letter_columns {
    () => {
        "seq, id, workspace_id, kind, sender_id, reason, body, received_at, replayed_at"
    };
}

/// A list's text with its filter. What is nobody's is seen by everyone.
macro_rules! list {
    ($($filter:literal)?) => {
        concat!(
            "SELECT ",
            letter_columns!(),
            " FROM dead_letters WHERE (workspace_id = $1 OR workspace_id IS NULL) AND seq > $2",
            $($filter,)?
            " ORDER BY seq LIMIT $3"
        )
    };
}

fn read_letter(row: &PgRow) -> Fallible<(i64, DeadLetter)> {
    let cells = Cells::new("dead_letters", row);
    let kind: DeadLetterKind = cells.word("kind")?;
    let body = DeadBody::from_bytes(kind, cells.bytes("body")?).ok_or_else(|| cells.corrupt("body"))?;
    let letter = DeadLetter {
        id: cells.id("id")?,
        workspace: cells.opt_id("workspace_id")?,
        sender: cells.opt_id("sender_id")?,
        reason: cells.word("reason")?,
        body,
        received_at: cells.time("received_at")?,
        replayed_at: cells.opt_time("replayed_at")?,
    };
    Ok((cells.number("seq")?, letter))
}

#[async_trait]
impl BurialStore for PostgresStore {
    async fn record_dead_letters(&self, letters: &[NewDeadLetter], not_before: DateTime<Utc>) -> StoreResult<u64> {
        if letters.is_empty() {
            return Ok(0);
        }
        let letters = letters.to_vec();
        self.write(move |tx| Box::pin(tx.record_dead_letters(letters, not_before))).await
    }
}

#[async_trait]
impl DeadLetterStore for PostgresStore {
    async fn list_dead_letters(
        &self,
        workspace: WorkspaceId,
        filter: DeadLetterFilter,
        page: PageRequest,
    ) -> StoreResult<Page<DeadLetter>> {
        let cursor = Cursor::<8>::read(&page)?;
        let text = match filter {
            DeadLetterFilter::Waiting => list!(" AND replayed_at IS NULL"),
            DeadLetterFilter::All => list!(),
        };
        let after = cursor.after.map_or(0, i64::from_be_bytes);
        let rows = self.all(sqlx::query(text).bind(uuid(workspace)).bind(after).bind(cursor.fetch())).await?;
        let letters = rows.iter().map(read_letter).collect::<Fallible<Vec<_>>>()?;
        let page = cursor.page(letters, |(seq, _)| seq.to_be_bytes());
        Ok(Page { items: page.items.into_iter().map(|(_, letter)| letter).collect(), next: page.next })
    }

    async fn replay_dead_letter(
        &self,
        workspace: WorkspaceId,
        letter: DeadLetterId,
        now: DateTime<Utc>,
    ) -> StoreResult<ReplayOutcome> {
        self.write(move |tx| Box::pin(tx.replay_dead_letter(workspace, letter, now))).await
    }
}

const WRITE: &str = concat!(
    "INSERT INTO dead_letters (id, digest, workspace_id, kind, sender_id, reason, body, received_at) \
     SELECT v.id, v.digest, (SELECT s.workspace_id FROM senders s WHERE s.id = v.sender_id), v.kind, v.sender_id, v.reason, v.body, ",
    real_now!(),
    " FROM unnest($1::uuid[], $2::bytea[], $3::text[], $4::uuid[], $5::text[], $6::bytea[]) \
        AS v (id, digest, kind, sender_id, reason, body) ORDER BY v.digest ON CONFLICT (digest) DO NOTHING"
);

const RELEASE: &str = "WITH held AS (SELECT m.seq FROM unnest($1::uuid[], $2::integer[]) AS v (id, generation) \
        CROSS JOIN LATERAL (SELECT m.seq FROM messages m WHERE m.id = v.id AND m.release_generation = v.generation \
            AND m.state = 'waiting' AND m.release_deadline IS NULL AND m.waits_for = $3 OFFSET 0) m ORDER BY m.seq), \
     locked AS (SELECT m.seq FROM held CROSS JOIN LATERAL (SELECT m.seq FROM messages m WHERE m.seq = held.seq \
        AND m.state = 'waiting' AND m.release_deadline IS NULL FOR UPDATE) m) \
     UPDATE messages SET not_before = 'epoch' FROM locked WHERE messages.seq = locked.seq";

/// The word under which a dead job's messages are put off.
const WAITS_FOR: &str = "dead_letter";

fn claims_of(letters: &[NewDeadLetter]) -> Vec<Claim> {
    let jobs = letters.iter().filter_map(|letter| match &letter.body {
        DeadBody::Job(job) => Some(job),
        DeadBody::Result(_) | DeadBody::Unreadable(_) => None,
    });
    let items = jobs.flat_map(|job| &job.items);
    items.map(|item| Claim { message: item.message, generation: item.generation }).collect()
}

impl Tx {
    async fn record_dead_letters(&mut self, letters: Vec<NewDeadLetter>, not_before: DateTime<Utc>) -> Fallible<u64> {
        let write = sqlx::query(WRITE)
            .bind(uuids(letters.iter().map(|letter| letter.id)))
            .bind(column(&letters, |letter| letter.body.digest().to_vec()))
            .bind(column(&letters, |letter| letter.body.kind().as_str()))
            .bind(column(&letters, |letter| opt_uuid(letter.body.sender())))
            .bind(column(&letters, |letter| letter.reason.as_str()))
            .bind(column(&letters, |letter| letter.body.to_bytes()));
        let written = self.execute(write).await?;
        let claims = claims_of(&letters);
        if !claims.is_empty() {
            let put_off = PutOff { not_before: Some(not_before), waits_for: WAITS_FOR };
            self.give_back(claims, put_off).await?;
        }
        Ok(written)
    }

    async fn replay_dead_letter(
        &mut self,
        workspace: WorkspaceId,
        id: DeadLetterId,
        now: DateTime<Utc>,
    ) -> Fallible<ReplayOutcome> {
        let Some((seq, letter)) = self.find_letter(workspace, id).await? else { return Ok(ReplayOutcome::NotFound) };
        if letter.replayed_at.is_some() {
            return Ok(ReplayOutcome::Replayed(Box::new(letter)));
        }
        match letter.body {
            DeadBody::Unreadable(_) => return Ok(ReplayOutcome::Unreadable),
            DeadBody::Result(result) => {
                self.apply_results(vec![*result], now).await?;
            }
            DeadBody::Job(job) => self.release_again(&job).await?,
        }
        let note = sqlx::query(concat!("UPDATE dead_letters SET replayed_at = ", real_now!(), " WHERE seq = $1"));
        self.execute(note.bind(seq)).await?;
        let replayed = self.find_letter(workspace, id).await?.ok_or(sqlx::Error::RowNotFound)?;
        Ok(ReplayOutcome::Replayed(Box::new(replayed.1)))
    }

    /// Locks the letter: of two replays at once the second finds what the first did.
    async fn find_letter(&mut self, workspace: WorkspaceId, id: DeadLetterId) -> Fallible<Option<(i64, DeadLetter)>> {
        let query = sqlx::query(concat!(
            "SELECT ",
            letter_columns!(),
            " FROM dead_letters WHERE id = $1 AND (workspace_id = $2 OR workspace_id IS NULL) FOR UPDATE"
        ));
        let row = self.one(query.bind(uuid(id)).bind(uuid(workspace))).await?;
        row.as_ref().map(read_letter).transpose()
    }

    /// The messages of a dead job need not wait any longer, as far as nothing else has happened to them.
    async fn release_again(&mut self, job: &Job) -> Fallible<()> {
        let release = sqlx::query(RELEASE)
            .bind(uuids(job.items.iter().map(|item| item.message)))
            .bind(column(&job.items, |item| item.generation.0))
            .bind(WAITS_FOR);
        self.execute(release).await.map(|_| ())
    }
}
