//! Attempts: intents and outcomes.

use crate::prelude::*;

/// The attempts, the messages' states and the sender's pace in one statement.
const ADD_INTENTS: &str = concat!(
    "WITH granted AS (SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::integer[]) AS g (seq, id, number)), \
     sending AS (UPDATE messages SET state = 'sending', attempts = g.number, attempted_at = $4, release_deadline = NULL \
        FROM granted g WHERE messages.seq = g.seq), \
     paced AS (UPDATE senders SET pace_next_slot = $5, pace_day = $6, pace_spent = $7, last_sent_at = $4 WHERE id = $8) \
     INSERT INTO attempts (message_id, number, workspace_id, sender_id, worker_id, epoch, intended_at, intended_really_at, \
        profile_version, pace_inputs) \
     SELECT g.id, g.number, $9, $8, $10, $11, $4, ",
    real_now!(),
    ", $12, $13 FROM granted g"
);

/// The rows are locked in their order, because those who write outcomes of one attempt are the worker that sent it, the one that
/// took over, the results role and the sweeper.
const WRITE_OUTCOMES: &str = concat!(
    "WITH v AS (SELECT a.seq, v.epoch, v.believed, v.outcome, v.ended_at, v.provider_id \
        FROM unnest($1::uuid[], $2::integer[], $3::bigint[], $4::boolean[], $5::text[], $6::timestamptz[], $7::text[]) \
            AS v (message_id, number, epoch, believed, outcome, ended_at, provider_id) \
        JOIN attempts a ON a.message_id = v.message_id AND a.number = v.number ORDER BY a.seq), \
     open AS (SELECT a.seq, v.outcome, v.ended_at, v.provider_id FROM v CROSS JOIN LATERAL \
        (SELECT a.seq FROM attempts a WHERE a.seq = v.seq AND a.outcome IS NULL AND (v.believed OR a.epoch = v.epoch) FOR UPDATE) a) \
     UPDATE attempts SET outcome = open.outcome, ended_at = open.ended_at, provider_id = open.provider_id, recorded_at = ",
    real_now!(),
    " FROM open WHERE attempts.seq = open.seq"
);

const LOCK_ADOPTABLE: &str = "SELECT m.id, m.lane, m.phone, m.business_scoped_id, m.linked_id, m.wa_id, t.content, \
        a.seq, a.message_id, a.number, a.epoch, a.outcome, a.ended_at, s.scope \
     FROM messages m JOIN attempts a ON a.message_id = m.id AND a.number = m.attempts \
     LEFT JOIN message_contents t ON t.message_seq = m.seq \
     LEFT JOIN suppressions s ON s.workspace_id = m.workspace_id AND s.hash = m.hash \
     WHERE m.seq = ANY($1) AND m.state = 'sending' ORDER BY m.seq FOR UPDATE OF m, a";

const LOCK_ABANDONED: &str = concat!(
    "SELECT a.message_id, a.number, a.epoch, a.seq FROM (SELECT id FROM senders WHERE state = 'removed' OR session_state = 'banned') s \
     CROSS JOIN LATERAL (SELECT m.id, m.attempts FROM messages m WHERE m.sender_id = s.id AND m.state = 'sending' OFFSET 0) m \
     CROSS JOIN LATERAL (SELECT a.message_id, a.number, a.epoch, a.seq FROM attempts a \
        WHERE a.message_id = m.id AND a.number = m.attempts AND a.outcome IS NULL AND a.intended_really_at <= ",
    statement_now!(),
    " - ",
    micros_of!("$1"),
    " FOR UPDATE SKIP LOCKED) a LIMIT $2"
);

const LIST_UNAPPLIED: &str = concat!(
    "SELECT a.message_id, a.number, a.epoch, a.sender_id, a.outcome, a.ended_at, a.seq \
     FROM (SELECT id, attempts FROM messages WHERE state = 'sending' OFFSET 0) m CROSS JOIN LATERAL (SELECT * FROM attempts a \
        WHERE a.message_id = m.id AND a.number = m.attempts OFFSET 0) a WHERE a.recorded_at <= ",
    statement_now!(),
    " - ",
    micros_of!("$1"),
    " ORDER BY a.recorded_at, a.seq LIMIT $2"
);

#[async_trait]
impl AttemptRows for Tx {
    async fn add_intents(&mut self, intents: &IntentWrites<'_>) -> Fallible<()> {
        let IntentWrites { sender, pace, granted, worker, epoch, now, profile_version, pace_inputs } = *intents;
        if granted.is_empty() {
            return Ok(());
        }
        let add = sqlx::query(ADD_INTENTS)
            .bind(column(granted, |(message, _)| message.seq))
            .bind(column(granted, |(message, _)| uuid(message.id)))
            .bind(column(granted, |(_, number)| *number))
            .bind(now)
            .bind(pace.next_slot)
            .bind(pace.day.map(|day| day.to_string()))
            .bind(i64::from(pace.spent_today))
            .bind(uuid(sender.id))
            .bind(uuid(sender.workspace))
            .bind(uuid(worker))
            .bind(epoch.0)
            .bind(i64::from(profile_version))
            .bind(pace_inputs);
        self.run(add).await
    }

    async fn write_outcomes(&mut self, outcomes: &[OutcomeWrite<'_>]) -> Fallible<()> {
        if outcomes.is_empty() {
            return Ok(());
        }
        let write = sqlx::query(WRITE_OUTCOMES)
            .bind(column(outcomes, |outcome| uuid(outcome.message)))
            .bind(column(outcomes, |outcome| outcome.attempt))
            .bind(column(outcomes, |outcome| outcome.epoch.0))
            .bind(column(outcomes, |outcome| outcome.believed == Believed::OfAnyone))
            .bind(column(outcomes, |outcome| serde_json::to_string(outcome.outcome).unwrap_or_default()))
            .bind(column(outcomes, |outcome| outcome.at))
            .bind(column(outcomes, |outcome| outcome.provider_id.map(storable)));
        self.run(write).await
    }

    async fn list_sending(&mut self, sender: SenderId) -> Fallible<Vec<(i64, AddressHash)>> {
        let query = sqlx::query("SELECT m.seq, m.hash FROM messages m WHERE m.sender_id = $1 AND m.state = 'sending'");
        self.list(query.bind(uuid(sender)), columns::sending).await
    }

    async fn lock_adoptable(&mut self, messages: &[i64]) -> Fallible<Vec<AdoptableRow>> {
        if messages.is_empty() {
            return Ok(Vec::new());
        }
        let mut open: Vec<AdoptableRow> =
            self.list(sqlx::query(LOCK_ADOPTABLE).bind(messages), columns::adoptable).await?;
        open.sort_unstable_by_key(|open| open.attempt.seq);
        Ok(open)
    }

    async fn adopt_attempts(
        &mut self,
        attempts: &[&Locked<AttemptRow>],
        epoch: Epoch,
        worker: WorkerId,
    ) -> Fallible<()> {
        if attempts.is_empty() {
            return Ok(());
        }
        let adopt =
            sqlx::query("UPDATE attempts SET epoch = $2, worker_id = $3, sends = sends + 1 WHERE seq = ANY($1)");
        self.run(adopt.bind(column(attempts, |attempt| attempt.seq)).bind(epoch.0).bind(uuid(worker))).await
    }

    async fn list_ended_attempts(&mut self, messages: &[MessageId]) -> Fallible<Vec<EndedAttemptRow>> {
        if messages.is_empty() {
            return Ok(Vec::new());
        }
        let query = sqlx::query(
            "SELECT message_id, number, epoch, seq, outcome FROM attempts WHERE message_id = ANY($1) AND outcome IS NOT NULL",
        );
        let query = query.bind(uuids(messages.iter().copied()));
        let numbered = |row: &Row| Ok((columns::attempt_row(row)?.seq, columns::ended_attempt(row)?));
        let mut ended: Vec<(i64, EndedAttemptRow)> = self.list(query, numbered).await?;
        // Not by the statement: the planner might walk through all attempts in their order instead of looking these up.
        ended.sort_unstable_by_key(|(seq, _)| *seq);
        Ok(ended.into_iter().map(|(_, ended)| ended).collect())
    }

    async fn lock_abandoned(&mut self, age: Duration, limit: u32) -> Fallible<Vec<Locked<AttemptRow>>> {
        let lock = sqlx::query(LOCK_ABANDONED).bind(duration_micros(age)).bind(i64::from(limit));
        self.lock(lock, columns::attempt_row).await
    }
}

/// The texts.
pub(crate) const TEXTS: AttemptTexts = AttemptTexts {
    list: "SELECT number, sender_id, worker_id, epoch, intended_at, sends, profile_version, pace_inputs, outcome, ended_at \
             FROM attempts WHERE message_id = $1 ORDER BY number",
    list_unapplied: LIST_UNAPPLIED,
};
