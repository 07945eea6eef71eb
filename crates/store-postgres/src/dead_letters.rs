//! Dead letters.

use async_trait::async_trait;
use paceline_domain::{DeadLetterId, DeadLetterKind, WorkspaceId};
use paceline_ledger::{
    Fallible, Fault,
    locks::Locked,
    rows::{DeadLetterReads, DeadLetterRow, DeadLetterRows},
};
use paceline_store::dead_letters::{DeadBody, DeadLetter, DeadLetterFilter, NewDeadLetter};
use sqlx::postgres::PgRow;

use crate::{
    bulk::column,
    cells::{Cells, read_all},
    database::PostgresRows,
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

const ADD: &str = concat!(
    "INSERT INTO dead_letters (id, digest, workspace_id, kind, sender_id, reason, body, received_at) \
     SELECT v.id, v.digest, (SELECT s.workspace_id FROM senders s WHERE s.id = v.sender_id), v.kind, v.sender_id, v.reason, v.body, ",
    real_now!(),
    " FROM unnest($1::uuid[], $2::bytea[], $3::text[], $4::uuid[], $5::text[], $6::bytea[]) \
        AS v (id, digest, kind, sender_id, reason, body) ORDER BY v.digest ON CONFLICT (digest) DO NOTHING"
);

#[async_trait]
impl DeadLetterRows for Tx {
    async fn add_dead_letters(&mut self, letters: &[NewDeadLetter]) -> Fallible<u64> {
        if letters.is_empty() {
            return Ok(0);
        }
        let add = sqlx::query(ADD)
            .bind(uuids(letters.iter().map(|letter| letter.id)))
            .bind(column(letters, |letter| letter.body.digest().to_vec()))
            .bind(column(letters, |letter| letter.body.kind().as_str()))
            .bind(column(letters, |letter| opt_uuid(letter.body.sender())))
            .bind(column(letters, |letter| letter.reason.as_str()))
            .bind(column(letters, |letter| letter.body.to_bytes()));
        self.execute(add).await
    }

    async fn lock_dead_letter(
        &mut self,
        workspace: WorkspaceId,
        letter: DeadLetterId,
    ) -> Fallible<Option<Locked<DeadLetterRow>>> {
        let lock = sqlx::query(concat!(
            "SELECT ",
            letter_columns!(),
            " FROM dead_letters WHERE id = $1 AND (workspace_id = $2 OR workspace_id IS NULL) FOR UPDATE"
        ));
        let row = self.one(lock.bind(uuid(letter)).bind(uuid(workspace))).await?;
        row.map(|row| read_letter(&row).map(Locked::new)).transpose()
    }

    async fn note_replayed(&mut self, letter: &Locked<DeadLetterRow>) -> Fallible<DeadLetter> {
        let note = sqlx::query(concat!(
            "UPDATE dead_letters SET replayed_at = ",
            real_now!(),
            " WHERE seq = $1 RETURNING ",
            letter_columns!()
        ));
        let row = self.one(note.bind(letter.seq)).await?;
        let row = row.ok_or_else(|| Fault::missing("dead_letters", letter.letter.id))?;
        read_letter(&row).map(|row| row.letter)
    }
}

#[async_trait]
impl DeadLetterReads for PostgresRows {
    async fn list_dead_letters(
        &self,
        workspace: WorkspaceId,
        filter: DeadLetterFilter,
        after: i64,
        limit: u32,
    ) -> Fallible<Vec<DeadLetterRow>> {
        let text = match filter {
            DeadLetterFilter::Waiting => list!(" AND replayed_at IS NULL"),
            DeadLetterFilter::All => list!(),
        };
        let query = sqlx::query(text).bind(uuid(workspace)).bind(after).bind(i64::from(limit));
        read_all(&self.all(query).await?, read_letter)
    }
}

fn read_letter(row: &PgRow) -> Fallible<DeadLetterRow> {
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
    Ok(DeadLetterRow { seq: cells.number("seq")?, letter })
}
