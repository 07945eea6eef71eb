//! Dead letters.

use paceline_store::dead_letters::NewDeadLetter;

use crate::prelude::*;

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
        let letter = self.find(lock.bind(uuid(letter)).bind(uuid(workspace)), columns::dead_letter).await?;
        Ok(letter.map(Locked::new))
    }
}

/// The texts.
pub(crate) const TEXTS: DeadLetterTexts = DeadLetterTexts {
    note_replayed: concat!(
        "UPDATE dead_letters SET replayed_at = ",
        real_now!(),
        " WHERE seq = $1 RETURNING ",
        letter_columns!()
    ),
    list: concat!(
        "SELECT ",
        letter_columns!(),
        " FROM dead_letters WHERE (workspace_id = $1 OR workspace_id IS NULL) AND seq > $2 ORDER BY seq LIMIT $3"
    ),
    list_waiting: concat!(
        "SELECT ",
        letter_columns!(),
        " FROM dead_letters WHERE (workspace_id = $1 OR workspace_id IS NULL) AND seq > $2 AND replayed_at IS NULL ORDER BY seq LIMIT $3"
    ),
};
