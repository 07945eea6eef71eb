//! Attempts: intents and outcomes.

use crate::prelude::*;

const ADD: Bulk = Bulk {
    head: "INSERT INTO attempts (message_id, number, workspace_id, sender_id, worker_id, epoch, intended_at, \
           intended_really_at, profile_version, pace_inputs) VALUES",
    row: concat!("(?, ?, ?1, ?2, ?3, ?4, ?5, ", real_now!(), ", ?6, ?7)"),
    tail: "",
};

const WRITE_OUTCOMES: Bulk = Bulk {
    head: "WITH v (message_id, number, epoch, of_anyone, outcome, ended_at, provider_id) AS (VALUES",
    row: "(?, ?, ?, ?, ?, ?, ?)",
    tail: concat!(
        ") UPDATE attempts SET outcome = v.outcome, ended_at = v.ended_at, provider_id = v.provider_id, recorded_at = ",
        real_now!(),
        " FROM v WHERE attempts.message_id = v.message_id AND attempts.number = v.number AND attempts.outcome IS NULL \
            AND (v.of_anyone OR attempts.epoch = v.epoch)"
    ),
};

#[async_trait]
impl AttemptRows for Tx {
    async fn add_intents(&mut self, intents: &IntentWrites<'_>) -> Fallible<()> {
        let &IntentWrites { sender, pace, granted, worker, epoch, now, profile_version, pace_inputs } = intents;
        ADD.run(
            self,
            granted,
            |values| {
                values.add(blob(sender.workspace)).add(blob(sender.id)).add(blob(worker)).add(epoch.0);
                values.add(micros(now)).add(profile_version).add(pace_inputs);
            },
            |values, (message, attempt)| {
                values.add(blob(message.id)).add(*attempt);
            },
        )
        .await?;
        let sending = sqlx::query(
            "UPDATE messages SET state = 'sending', attempts = attempts + 1, attempted_at = ?2, release_deadline = NULL \
             WHERE seq IN (SELECT value FROM json_each(?1))",
        );
        let numbers = json_numbers(granted.iter().map(|(message, _)| message.seq));
        self.execute(sending.bind(numbers).bind(micros(now))).await?;
        let spent = sqlx::query(
            "UPDATE senders SET pace_next_slot = ?2, pace_day = ?3, pace_spent = ?4, last_sent_at = ?5 WHERE id = ?1",
        );
        let spent = spent
            .bind(blob(sender.id))
            .bind(opt_micros(pace.next_slot))
            .bind(pace.day.map(|day| day.to_string()))
            .bind(pace.spent_today)
            .bind(micros(now));
        self.run(spent).await
    }

    async fn write_outcomes(&mut self, outcomes: &[OutcomeWrite<'_>]) -> Fallible<()> {
        WRITE_OUTCOMES
            .write(self, outcomes, |values, outcome| {
                values.add(blob(outcome.message)).add(outcome.attempt).add(outcome.epoch.0);
                values.add(outcome.believed == Believed::OfAnyone);
                values.add(serde_json::to_string(outcome.outcome).unwrap_or_default());
                values.add(micros(outcome.at)).add(outcome.provider_id);
            })
            .await
    }

    async fn list_sending(&mut self, sender: SenderId) -> Fallible<Vec<(i64, AddressHash)>> {
        let query = sqlx::query(
            "SELECT m.seq, m.hash FROM messages m INDEXED BY messages_sending WHERE m.sender_id = ?1 AND m.state = 'sending'",
        );
        self.list(query.bind(blob(sender)), columns::sending).await
    }

    async fn lock_adoptable(&mut self, messages: &[i64]) -> Fallible<Vec<AdoptableRow>> {
        let query = sqlx::query(
            "SELECT a.message_id, m.lane, m.phone, m.business_scoped_id, m.linked_id, m.wa_id, t.content, \
                a.seq, a.number, a.epoch, a.outcome, a.ended_at, s.scope \
             FROM json_each(?1) j CROSS JOIN messages m ON m.seq = j.value \
             CROSS JOIN attempts a ON a.message_id = m.id AND a.number = m.attempts \
             LEFT JOIN message_contents t ON t.message_seq = m.seq \
             LEFT JOIN suppressions s ON s.workspace_id = m.workspace_id AND s.hash = m.hash \
             WHERE m.state = 'sending' ORDER BY a.seq",
        );
        self.list(query.bind(json_numbers(messages.iter().copied())), columns::adoptable).await
    }

    async fn adopt_attempts(
        &mut self,
        attempts: &[&Locked<AttemptRow>],
        epoch: Epoch,
        worker: WorkerId,
    ) -> Fallible<()> {
        let adopt = sqlx::query(
            "UPDATE attempts SET epoch = ?2, worker_id = ?3, sends = sends + 1 \
             WHERE seq IN (SELECT value FROM json_each(?1))",
        );
        let seqs = json_numbers(attempts.iter().map(|attempt| attempt.seq));
        self.run(adopt.bind(seqs).bind(epoch.0).bind(blob(worker))).await
    }

    async fn list_ended_attempts(&mut self, messages: &[MessageId]) -> Fallible<Vec<EndedAttemptRow>> {
        let query = sqlx::query(
            "SELECT a.seq, a.message_id, a.number, a.epoch, a.outcome FROM json_each(?1) j CROSS JOIN attempts a \
             ON a.message_id = unhex(j.value) WHERE a.outcome IS NOT NULL ORDER BY a.seq",
        );
        self.list(query.bind(json_ids(messages.iter().copied())), columns::ended_attempt).await
    }

    async fn lock_abandoned(&mut self, age: Duration, limit: u32) -> Fallible<Vec<Locked<AttemptRow>>> {
        let query = sqlx::query(concat!(
            "SELECT a.message_id, a.number, a.epoch, a.seq FROM senders s CROSS JOIN messages m INDEXED BY messages_sending \
             CROSS JOIN attempts a ON a.message_id = m.id AND a.number = m.attempts \
             WHERE (s.state = 'removed' OR s.session_state = 'banned') AND m.sender_id = s.id AND m.state = 'sending' \
                AND a.outcome IS NULL AND a.intended_really_at <= ",
            real_now!(),
            " - ?1 LIMIT ?2"
        ));
        self.lock(query.bind(duration_micros(age)).bind(limit), columns::attempt_row).await
    }
}

/// The texts.
pub(crate) const TEXTS: AttemptTexts = AttemptTexts {
    list: "SELECT number, sender_id, worker_id, epoch, intended_at, sends, profile_version, pace_inputs, outcome, ended_at \
             FROM attempts WHERE message_id = ?1 ORDER BY number",
    list_unapplied: concat!(
        "SELECT a.message_id, a.number, a.epoch, a.sender_id, a.outcome, a.ended_at, a.seq \
             FROM messages m INDEXED BY messages_sending \
             CROSS JOIN attempts a ON a.message_id = m.id AND a.number = m.attempts \
             WHERE m.state = 'sending' AND a.recorded_at <= ",
        real_now!(),
        " - ?1 ORDER BY a.recorded_at, a.seq LIMIT ?2"
    ),
};
