//! Dead letters.

use paceline_store::dead_letters::NewDeadLetter;

use crate::prelude::*;

const ADD: Bulk = Bulk {
    head: "INSERT INTO dead_letters (id, digest, workspace_id, kind, sender_id, reason, body, received_at) VALUES",
    row: concat!("(?, ?, (SELECT s.workspace_id FROM senders s WHERE s.id = ?), ?, ?, ?, ?, ", real_now!(), ")"),
    tail: "ON CONFLICT (digest) DO NOTHING",
};

#[async_trait]
impl DeadLetterRows for Tx {
    async fn add_dead_letters(&mut self, letters: &[NewDeadLetter]) -> Fallible<u64> {
        let done = ADD
            .run(
                self,
                letters,
                |_| {},
                |values, letter| {
                    let sender = opt_blob(letter.body.sender());
                    values.add(blob(letter.id)).add(letter.body.digest().to_vec()).add(sender.clone());
                    values.add(letter.body.kind().as_str()).add(sender);
                    values.add(letter.reason.as_str()).add(letter.body.to_bytes());
                },
            )
            .await?;
        Ok(done.written)
    }

    async fn lock_dead_letter(
        &mut self,
        workspace: WorkspaceId,
        letter: DeadLetterId,
    ) -> Fallible<Option<Locked<DeadLetterRow>>> {
        let query = sqlx::query(concat!(
            "SELECT ",
            letter_columns!(),
            " FROM dead_letters WHERE id = ?1 AND (workspace_id = ?2 OR workspace_id IS NULL)"
        ));
        let letter = self.find(query.bind(blob(letter)).bind(blob(workspace)), columns::dead_letter).await?;
        Ok(letter.map(Locked::new))
    }
}

/// The texts.
pub(crate) const TEXTS: DeadLetterTexts = DeadLetterTexts {
    note_replayed: concat!(
        "UPDATE dead_letters SET replayed_at = ",
        real_now!(),
        " WHERE seq = ?1 RETURNING ",
        letter_columns!()
    ),
    list: concat!(
        "SELECT ",
        letter_columns!(),
        " FROM dead_letters WHERE (workspace_id = ?1 OR workspace_id IS NULL) AND seq > ?2 ORDER BY seq LIMIT ?3"
    ),
    list_waiting: concat!(
        "SELECT ",
        letter_columns!(),
        " FROM dead_letters WHERE (workspace_id = ?1 OR workspace_id IS NULL) AND seq > ?2 AND replayed_at IS NULL ORDER BY seq LIMIT ?3"
    ),
};
