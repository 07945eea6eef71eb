//! Messages.

mod locks;
mod view;
mod writes;

use paceline_store::messages::{Message, NewMessage};

use crate::prelude::*;
pub(crate) use view::TEXTS;
use view::select_message;

const FIND_POOL_ROUTE: &str = "WITH pool AS MATERIALIZED (SELECT p.id, \
        array_agg(s.id) FILTER (WHERE s.session_state <> 'banned') AS senders \
        FROM pools p JOIN pool_members pm ON pm.pool_id = p.id JOIN senders s ON s.id = pm.sender_id \
        WHERE p.workspace_id = $1 AND p.name = $2 AND s.state = 'active' GROUP BY p.id) \
     SELECT pool.id, (SELECT m.sender_id FROM messages m \
        WHERE m.hash = $3 AND m.attempts > 0 AND m.workspace_id = $1 AND m.sent_at IS NOT NULL \
            AND m.sender_id = ANY (pool.senders) ORDER BY m.attempted_at DESC LIMIT 1) AS sticky FROM pool";

/// One that is certainly out goes before one that may be on its way, because an answer can overtake the report that its message was
/// sent.
const FIND_ANSWERED: &str = "SELECT j.place, m.seq \
    FROM unnest($1::uuid[], $2::bytea[], $3::timestamptz[]) WITH ORDINALITY AS j (sender_id, hash, since, place) \
    CROSS JOIN LATERAL (SELECT x.seq FROM messages x \
        WHERE x.hash = j.hash AND x.attempts > 0 AND x.attempted_at >= j.since AND x.sender_id = j.sender_id \
            AND x.state IN ('sending', 'unknown', 'sent', 'delivered', 'read') \
        ORDER BY x.sent_at IS NULL, x.attempted_at DESC LIMIT 1) m";

/// What is found last counts: by our own id before one of the provider, and of these the latest.
const FIND_BY_RECEIPT: &str = "WITH r AS (SELECT * FROM unnest($1::uuid[], $2::text[]) WITH ORDINALITY AS r (sender_id, id, place)) \
     SELECT r.place, m.id, 1 AS ours, 0::bigint AS seq FROM r CROSS JOIN LATERAL (SELECT m.id FROM messages m \
        WHERE m.wa_id = r.id AND m.attempts > 0 AND m.sender_id = r.sender_id OFFSET 0) m \
     UNION ALL SELECT r.place, a.message_id, 0, a.seq FROM r CROSS JOIN LATERAL (SELECT a.message_id, a.seq FROM attempts a \
        WHERE a.provider_id = r.id AND a.sender_id = r.sender_id OFFSET 0) a ORDER BY ours, seq";

#[async_trait]
impl MessageRows for Tx {
    async fn add_message(&mut self, message: &NewMessage, routed: RoutedTo) -> Fallible<bool> {
        Ok(self.execute(writes::add(message, routed)).await? > 0)
    }

    async fn find_pool_route(
        &mut self,
        workspace: WorkspaceId,
        pool: &str,
        person: AddressHash,
    ) -> Fallible<Option<(PoolId, Option<SenderId>)>> {
        let query = sqlx::query(FIND_POOL_ROUTE).bind(uuid(workspace)).bind(storable(pool)).bind(hash(person));
        self.find(query, columns::pool_route).await
    }

    async fn find_message(&mut self, message: MessageId) -> Fallible<Option<Message>> {
        let query = sqlx::query(select_message!("WHERE m.id = $1"));
        self.find(query.bind(uuid(message)), columns::message).await
    }

    async fn list_messages(&mut self, messages: &[MessageId]) -> Fallible<Vec<MessageRow>> {
        if messages.is_empty() {
            return Ok(Vec::new());
        }
        self.list(sqlx::query(locks::LIST).bind(uuids(messages.iter().copied())), columns::message_row).await
    }

    async fn lock_messages(&mut self, messages: &[MessageId]) -> Fallible<Vec<Locked<MessageRow>>> {
        if messages.is_empty() {
            return Ok(Vec::new());
        }
        self.lock(sqlx::query(locks::LOCK).bind(uuids(messages.iter().copied())), columns::message_row).await
    }

    async fn lock_wanted(&mut self, messages: &[MessageId]) -> Fallible<Vec<WantedRow>> {
        if messages.is_empty() {
            return Ok(Vec::new());
        }
        self.list(sqlx::query(locks::WANTED).bind(uuids(messages.iter().copied())), columns::wanted).await
    }

    async fn lock_expired(&mut self, now: DateTime<Utc>, limit: u32) -> Fallible<Vec<Locked<MessageRow>>> {
        self.lock(sqlx::query(locks::EXPIRED).bind(now).bind(i64::from(limit)), columns::message_row).await
    }

    async fn lock_waiting_of_campaign(
        &mut self,
        campaign: CampaignId,
        limit: u32,
    ) -> Fallible<Vec<Locked<MessageRow>>> {
        self.lock(sqlx::query(locks::OF_CAMPAIGN).bind(uuid(campaign)).bind(i64::from(limit)), columns::message_row)
            .await
    }

    async fn lock_open_of_people(
        &mut self,
        workspace: WorkspaceId,
        scope: SuppressionScope,
        people: &[AddressHash],
    ) -> Fallible<Vec<(usize, Locked<MessageRow>)>> {
        if people.is_empty() {
            return Ok(Vec::new());
        }
        let lock = sqlx::query(locks::OF_PEOPLE)
            .bind(uuid(workspace))
            .bind(column(people, |person| hash(*person)))
            .bind(scope == SuppressionScope::All);
        self.list(lock, columns::open_of_person).await
    }

    async fn move_forward(&mut self, moved: &[ForwardWrite<'_>]) -> Fallible<()> {
        if moved.is_empty() { Ok(()) } else { self.run(writes::forward(moved)).await }
    }

    async fn end_messages(&mut self, ended: &[EndWrite<'_>]) -> Fallible<()> {
        if ended.is_empty() { Ok(()) } else { self.run(writes::end(ended)).await }
    }

    async fn return_messages(&mut self, returned: &[ReturnWrite<'_>]) -> Fallible<()> {
        if returned.is_empty() { Ok(()) } else { self.run(writes::back(returned)).await }
    }

    async fn find_answered(&mut self, questions: &[Question]) -> Fallible<Vec<Option<i64>>> {
        let mut answered = vec![None; questions.len()];
        if questions.is_empty() {
            return Ok(answered);
        }
        let query = sqlx::query(FIND_ANSWERED)
            .bind(column(questions, |question| uuid(question.sender)))
            .bind(column(questions, |question| hash(question.hash)))
            .bind(column(questions, |question| question.since));
        let rows = self.all(query).await?;
        columns::put_by_place(&rows, "messages", &mut answered, |cells| cells.opt_number("seq"))?;
        Ok(answered)
    }

    async fn lock_answered(&mut self, seqs: &[i64]) -> Fallible<Vec<Locked<AnsweredRow>>> {
        if seqs.is_empty() {
            return Ok(Vec::new());
        }
        self.lock(sqlx::query(locks::ANSWERED).bind(seqs), columns::answered).await
    }

    async fn write_answers(&mut self, answers: &[Answer<'_>]) -> Fallible<()> {
        if answers.is_empty() { Ok(()) } else { self.run(writes::answers(answers)).await }
    }

    async fn find_by_receipt(&mut self, receipts: &[(SenderId, &str)]) -> Fallible<Vec<Option<MessageId>>> {
        let mut named = vec![None; receipts.len()];
        if receipts.is_empty() {
            return Ok(named);
        }
        let query = sqlx::query(FIND_BY_RECEIPT)
            .bind(column(receipts, |(sender, _)| uuid(*sender)))
            .bind(column(receipts, |(_, id)| storable(id)));
        let rows = self.all(query).await?;
        columns::put_by_place(&rows, "messages", &mut named, |cells| cells.opt_id("id"))?;
        Ok(named)
    }
}
