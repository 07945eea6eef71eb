//! Messages.

mod view;

use paceline_store::messages::{Message, NewMessage};

use crate::prelude::*;
pub(crate) use view::TEXTS;
use view::select_message;

/// The columns of a [`MessageRow`]; the table is named `m`.
macro_rules! row_columns {
    () => {
        "m.seq, m.id, m.workspace_id, m.campaign_id, m.row_no, m.sender_id, m.binding, m.phone, m.business_scoped_id, \
         m.linked_id, m.state, m.attempts, m.sent_at, m.delivered_at, m.read_at"
    };
}

const ADD_CONTENTS: Bulk = Bulk {
    head: "INSERT INTO message_contents (message_seq, workspace_id, content) VALUES",
    row: "(?, ?1, ?)",
    tail: "",
};

const FORWARD: Bulk = Bulk {
    head: "WITH v (seq, state, sent_at, delivered_at, read_at) AS (VALUES",
    row: "(?, ?, ?, ?, ?)",
    tail: ") UPDATE messages SET state = v.state, sent_at = v.sent_at, delivered_at = v.delivered_at, read_at = v.read_at, \
           reason = NULL, ended_at = NULL FROM v WHERE messages.seq = v.seq",
};

const END: Bulk = Bulk {
    head: "WITH v (seq, state, reason, ended_at, sender_id) AS (VALUES",
    row: "(?, ?, ?, ?, ?)",
    tail: ") UPDATE messages SET state = v.state, reason = v.reason, ended_at = v.ended_at, sender_id = v.sender_id, \
           release_deadline = NULL FROM v WHERE messages.seq = v.seq",
};

const RETURN: Bulk = Bulk {
    head: "WITH v (seq, sender_id, binding, not_before, waits_for) AS (VALUES",
    row: "(?, ?, ?, ?, ?)",
    tail: ") UPDATE messages SET state = 'waiting', sender_id = v.sender_id, binding = v.binding, \
           not_before = v.not_before, waits_for = v.waits_for, reason = NULL, ended_at = NULL, release_deadline = NULL \
           FROM v WHERE messages.seq = v.seq",
};

const ANSWERED: Bulk = Bulk {
    head: "WITH v (seq, replied_at, opted_out_at) AS (VALUES",
    row: "(?, ?, ?)",
    tail: ") UPDATE messages SET replied_at = v.replied_at, opted_out_at = v.opted_out_at FROM v WHERE messages.seq = v.seq",
};

const BY_OURS: &str = "SELECT j.key AS place, m.id FROM json_each(?1) j CROSS JOIN messages m INDEXED BY messages_by_wa_id \
     WHERE m.wa_id = j.value ->> 1 AND m.attempts > 0 AND m.sender_id = unhex(j.value ->> 0)";

const BY_THE_PROVIDERS: &str = "SELECT j.key AS place, a.message_id AS id \
     FROM json_each(?1) j CROSS JOIN attempts a INDEXED BY attempts_by_provider_id \
     WHERE a.provider_id = j.value ->> 1 AND a.sender_id = unhex(j.value ->> 0) ORDER BY a.seq";

#[async_trait]
impl MessageRows for Tx {
    async fn add_message(&mut self, message: &NewMessage, routed: RoutedTo) -> Fallible<bool> {
        let insert = sqlx::query(
            "INSERT INTO messages (id, workspace_id, lane, state, sender_id, binding, pool_id, not_before, expires_at, \
                created_at, hash, phone, business_scoped_id, linked_id, wa_id, chars) \
             VALUES (?1, ?2, ?3, 'waiting', ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15) \
             ON CONFLICT (id) DO NOTHING RETURNING seq",
        );
        let insert = insert
            .bind(blob(message.id))
            .bind(blob(message.workspace))
            .bind(message.lane.as_str())
            .bind(opt_blob(routed.sender))
            .bind(routed.binding.as_str())
            .bind(opt_blob(routed.pool))
            .bind(message.not_before.map_or(0, micros))
            .bind(opt_micros(message.expires_at))
            .bind(micros(message.created_at))
            .bind(message.hash.to_bytes().to_vec())
            .bind(message.to.phone.as_ref().map(PhoneNumber::as_e164))
            .bind(message.to.business_scoped_id.as_deref())
            .bind(message.to.linked_id.as_deref())
            .bind(message.wa_id.as_str())
            .bind(message.content.typed_chars());
        let Some(seq) = self.find(insert, columns::number("messages", "seq")).await? else { return Ok(false) };
        self.add_contents(message.workspace, seq, &[&message.content]).await?;
        Ok(true)
    }

    async fn find_pool_route(
        &mut self,
        workspace: WorkspaceId,
        pool: &str,
        person: AddressHash,
    ) -> Fallible<Option<(PoolId, Option<SenderId>)>> {
        let query = sqlx::query(
            "SELECT p.id, (SELECT m.sender_id FROM messages m INDEXED BY messages_to_person \
                WHERE m.hash = ?3 AND m.attempts > 0 AND m.workspace_id = ?1 AND m.sent_at IS NOT NULL \
                    AND m.sender_id IN (SELECT s.id FROM pool_members pm JOIN senders s ON s.id = pm.sender_id \
                        WHERE pm.pool_id = p.id AND s.state = 'active' AND s.session_state <> 'banned') \
                ORDER BY m.attempted_at DESC LIMIT 1) AS sticky \
             FROM pools p WHERE p.workspace_id = ?1 AND p.name = ?2 \
                AND EXISTS (SELECT 1 FROM pool_members pm JOIN senders s ON s.id = pm.sender_id \
                    WHERE pm.pool_id = p.id AND s.state = 'active')",
        );
        let query = query.bind(blob(workspace)).bind(pool).bind(person.to_bytes().to_vec());
        self.find(query, columns::pool_route).await
    }

    async fn find_message(&mut self, message: MessageId) -> Fallible<Option<Message>> {
        let query = sqlx::query(select_message!("WHERE m.id = ?1"));
        self.find(query.bind(blob(message)), columns::message).await
    }

    async fn list_messages(&mut self, messages: &[MessageId]) -> Fallible<Vec<MessageRow>> {
        let query = sqlx::query(concat!(
            "SELECT ",
            row_columns!(),
            " FROM json_each(?1) j CROSS JOIN messages m ON m.id = unhex(j.value)"
        ));
        self.list(query.bind(json_ids(messages.iter().copied())), columns::message_row).await
    }

    async fn lock_messages(&mut self, messages: &[MessageId]) -> Fallible<Vec<Locked<MessageRow>>> {
        let mut rows = self.list_messages(messages).await?;
        // Sorted here: they come nearly in order, and SQLite would copy every row to sort them.
        rows.sort_unstable_by_key(|row| row.seq);
        Ok(rows.into_iter().map(Locked::new).collect())
    }

    async fn lock_wanted(&mut self, messages: &[MessageId]) -> Fallible<Vec<WantedRow>> {
        let query = sqlx::query(concat!(
            "SELECT ",
            row_columns!(),
            ", m.lane, m.expires_at, m.wa_id, t.content, iif(m.release_deadline > ",
            real_now!(),
            ", m.release_generation, NULL) AS release, c.state AS campaign_state, s.scope, s.reason AS suppressed_for \
             FROM json_each(?1) j CROSS JOIN messages m ON m.id = unhex(j.value) \
             LEFT JOIN message_contents t ON t.message_seq = m.seq LEFT JOIN campaigns c ON c.id = m.campaign_id \
             LEFT JOIN suppressions s ON s.workspace_id = m.workspace_id AND s.hash = m.hash"
        ));
        let mut wanted: Vec<WantedRow> =
            self.list(query.bind(json_ids(messages.iter().copied())), columns::wanted).await?;
        wanted.sort_unstable_by_key(|wanted| wanted.message.seq);
        Ok(wanted)
    }

    async fn lock_expired(&mut self, now: DateTime<Utc>, limit: u32) -> Fallible<Vec<Locked<MessageRow>>> {
        let query = sqlx::query(concat!(
            "SELECT ",
            row_columns!(),
            " FROM messages m INDEXED BY messages_expiring \
             WHERE m.state = 'waiting' AND m.expires_at IS NOT NULL AND m.expires_at <= ?1 ORDER BY m.expires_at LIMIT ?2"
        ));
        self.lock(query.bind(micros(now)).bind(limit), columns::message_row).await
    }

    /// What waits of a campaign is in one of three small indexes: anyone's, a sender's own, or released.
    async fn lock_waiting_of_campaign(
        &mut self,
        campaign: CampaignId,
        limit: u32,
    ) -> Fallible<Vec<Locked<MessageRow>>> {
        let query = sqlx::query(concat!(
            "SELECT ",
            row_columns!(),
            " FROM messages m WHERE m.seq IN ( \
                SELECT seq FROM messages INDEXED BY messages_due WHERE campaign_id = ?1 \
                    AND state = 'waiting' AND release_deadline IS NULL AND sender_id IS NULL \
                UNION ALL SELECT b.seq FROM senders s CROSS JOIN messages b INDEXED BY messages_due_bound \
                    WHERE b.sender_id = s.id AND b.campaign_id = ?1 AND b.state = 'waiting' AND b.release_deadline IS NULL \
                UNION ALL SELECT r.seq FROM messages r INDEXED BY messages_released \
                    WHERE r.release_deadline IS NOT NULL AND r.campaign_id = ?1 \
                LIMIT ?2)"
        ));
        self.lock(query.bind(blob(campaign)).bind(limit), columns::message_row).await
    }

    /// Those of campaigns by way of the recipients, so that planning needs no index by person.
    async fn lock_open_of_people(
        &mut self,
        workspace: WorkspaceId,
        scope: SuppressionScope,
        people: &[AddressHash],
    ) -> Fallible<Vec<(usize, Locked<MessageRow>)>> {
        let query = sqlx::query(concat!(
            "SELECT j.key AS place, ",
            row_columns!(),
            " FROM json_each(?2) j CROSS JOIN campaigns c CROSS JOIN recipients r CROSS JOIN messages m \
             WHERE c.workspace_id = ?1 AND c.state IN ('scheduled', 'running', 'paused') \
                AND r.campaign_id = c.id AND r.hash = unhex(j.value) \
                AND m.campaign_id = c.id AND m.row_no = r.row_no AND m.state IN ('waiting', 'sending') \
             UNION ALL SELECT j.key AS place, ",
            row_columns!(),
            " FROM json_each(?2) j CROSS JOIN messages m \
             WHERE ?3 AND m.workspace_id = ?1 AND m.hash = unhex(j.value) AND m.state = 'waiting' AND m.campaign_id IS NULL \
             UNION ALL SELECT j.key AS place, ",
            row_columns!(),
            " FROM json_each(?2) j CROSS JOIN messages m INDEXED BY messages_to_person \
             WHERE ?3 AND m.hash = unhex(j.value) AND m.attempts > 0 AND m.workspace_id = ?1 AND m.state = 'sending' \
                AND m.campaign_id IS NULL"
        ));
        let hashes = json_blobs(people.iter().map(|hash| hash.to_bytes()));
        let query = query.bind(blob(workspace)).bind(hashes).bind(scope == SuppressionScope::All);
        let mut found: Vec<(usize, Locked<MessageRow>)> = self.list(query, columns::open_of_person).await?;
        found.sort_unstable_by_key(|(_, message)| message.seq);
        Ok(found)
    }

    async fn move_forward(&mut self, moved: &[ForwardWrite<'_>]) -> Fallible<()> {
        FORWARD
            .write(self, moved, |values, moved| {
                values.add(moved.message.seq).add(moved.state.as_str()).add(opt_micros(moved.sent_at));
                values.add(opt_micros(moved.delivered_at)).add(opt_micros(moved.read_at));
            })
            .await
    }

    async fn end_messages(&mut self, ended: &[EndWrite<'_>]) -> Fallible<()> {
        END.write(self, ended, |values, ended| {
            values.add(ended.message.seq).add(ended.state.as_str()).add(ended.reason);
            values.add(opt_micros(ended.ended_at)).add(opt_blob(ended.sender));
        })
        .await
    }

    async fn return_messages(&mut self, returned: &[ReturnWrite<'_>]) -> Fallible<()> {
        RETURN
            .write(self, returned, |values, returned| {
                values.add(returned.message.seq).add(opt_blob(returned.sender)).add(returned.binding.as_str());
                values.add(micros(returned.not_before)).add(returned.waits_for);
            })
            .await
    }

    async fn find_answered(&mut self, questions: &[Question]) -> Fallible<Vec<Option<i64>>> {
        let query = sqlx::query(
            "SELECT j.key AS place, (SELECT x.seq FROM messages x INDEXED BY messages_to_person \
                 WHERE x.hash = unhex(j.value ->> 1) AND x.attempts > 0 AND x.attempted_at >= j.value ->> 2 \
                    AND x.sender_id = unhex(j.value ->> 0) \
                    AND x.state IN ('sending', 'unknown', 'sent', 'delivered', 'read') \
                 ORDER BY x.sent_at IS NULL, x.attempted_at DESC LIMIT 1) AS seq FROM json_each(?1) j",
        );
        let question =
            |asked: &Question| (hex(&asked.sender.to_bytes()), hex(&asked.hash.to_bytes()), micros(asked.since));
        let asked: Vec<_> = questions.iter().map(question).collect();
        let mut answers = vec![None; questions.len()];
        let rows = self.all(query.bind(serde_json::json!(asked).to_string())).await?;
        columns::put_by_place(&rows, "messages", &mut answers, |cells| cells.opt_number("seq"))?;
        Ok(answers)
    }

    async fn lock_answered(&mut self, seqs: &[i64]) -> Fallible<Vec<Locked<AnsweredRow>>> {
        let query = sqlx::query(
            "SELECT m.seq, m.id, m.campaign_id, m.replied_at, m.opted_out_at FROM messages m \
             WHERE m.seq IN (SELECT value FROM json_each(?1)) ORDER BY m.seq",
        );
        self.lock(query.bind(json_numbers(seqs.iter().copied())), columns::answered).await
    }

    async fn write_answers(&mut self, answers: &[Answer<'_>]) -> Fallible<()> {
        ANSWERED
            .write(self, answers, |values, answer| {
                values.add(answer.message.seq).add(opt_micros(answer.replied_at));
                values.add(opt_micros(answer.opted_out_at));
            })
            .await
    }

    async fn find_by_receipt(&mut self, receipts: &[(SenderId, &str)]) -> Fallible<Vec<Option<MessageId>>> {
        let mut found = vec![None; receipts.len()];
        for text in [BY_OURS, BY_THE_PROVIDERS] {
            let unknown: Vec<usize> = (0..receipts.len()).filter(|&place| found[place].is_none()).collect();
            if unknown.is_empty() {
                break;
            }
            let keys: Vec<(String, &str)> =
                unknown.iter().map(|&place| (hex(&receipts[place].0.to_bytes()), receipts[place].1)).collect();
            for row in &self.all(sqlx::query(text).bind(serde_json::json!(keys).to_string())).await? {
                let cells = Cells::new("messages", row);
                if let Some(&place) = unknown.get(cells.place()?) {
                    found[place] = Some(cells.id("id")?);
                }
            }
        }
        Ok(found)
    }
}

impl Tx {
    /// Writes what new messages say; `last` is the row of the last of them. With one writer, rows written together follow
    /// each other.
    pub(crate) async fn add_contents(
        &mut self,
        workspace: WorkspaceId,
        last: i64,
        contents: &[&Content],
    ) -> Fallible<()> {
        let first = last + 1 - i64::try_from(contents.len()).unwrap_or(0);
        let rows: Vec<(i64, &Content)> = (first..).zip(contents.iter().copied()).collect();
        ADD_CONTENTS
            .run(
                self,
                &rows,
                |values| {
                    values.add(blob(workspace));
                },
                |values, (seq, content)| {
                    values.add(*seq).add(serde_json::to_string(content).unwrap_or_default());
                },
            )
            .await?;
        Ok(())
    }
}
