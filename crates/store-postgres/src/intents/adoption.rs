//! Taking over what the holder before left open.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use paceline_domain::{Epoch, Lane, MessageId, Outcome, SenderId, SuppressionScope, WorkerId};
use paceline_store::{
    intents::{AttemptOutcome, OpenAttempt},
    leases::Fenced,
};

use crate::{cells::Cells, error::Fallible, gates::Gate, messages::read_outcome, transaction::Tx, values::uuid};

/// A sender's open attempts.
#[derive(Default)]
struct Open {
    attempts: Vec<OpenAttempt>,
    /// The rows of those without outcome that may be sent again.
    orphans: Vec<i64>,
    /// The messages of those that may not, because their recipient was suppressed since.
    forbidden: HashSet<MessageId>,
}

impl Tx {
    pub(super) async fn adopt_attempts(
        &mut self,
        sender: SenderId,
        epoch: Epoch,
        worker: WorkerId,
        now: DateTime<Utc>,
    ) -> Fallible<Fenced<Vec<OpenAttempt>>> {
        if self.hold_sender(sender, epoch).await?.is_none() {
            return Ok(Fenced::LeaseLost);
        }
        let Open { mut attempts, orphans, forbidden } = self.hold_open(sender, epoch).await?;
        if !orphans.is_empty() {
            let adopt =
                sqlx::query("UPDATE attempts SET epoch = $2, worker_id = $3, sends = sends + 1 WHERE seq = ANY($1)");
            self.execute(adopt.bind(orphans).bind(epoch.0).bind(uuid(worker))).await?;
        }
        let mut lost = Vec::new();
        for open in attempts.iter_mut().filter(|open| forbidden.contains(&open.message)) {
            open.outcome = Some((Outcome::Unknown, now));
            let (message, attempt, epoch) = (open.message, open.attempt, open.epoch);
            lost.push(AttemptOutcome { message, attempt, epoch, outcome: Outcome::Unknown, at: now });
        }
        self.record_outcomes(&lost).await?;
        Ok(Fenced::Done(attempts))
    }

    /// Passes the gates of those whom the sender is sending to, and locks its open attempts. Handing one out to be sent again is an
    /// intent in all but name.
    async fn hold_open(&mut self, sender: SenderId, holder: Epoch) -> Fallible<Open> {
        let query = sqlx::query("SELECT m.seq, m.hash FROM messages m WHERE m.sender_id = $1 AND m.state = 'sending'");
        let (mut sending, mut people) = (Vec::new(), Vec::new());
        for row in &self.all(query.bind(uuid(sender))).await? {
            let cells = Cells::new("messages", row);
            sending.push(cells.number("seq")?);
            people.push(Gate::Person(cells.hash("hash")?));
        }
        let mut found = Open::default();
        if sending.is_empty() {
            return Ok(found);
        }
        self.pass_gates(people).await?;
        // What was being sent a moment ago may have been settled since.
        let query = sqlx::query(
            "SELECT m.id, m.lane, m.phone, m.business_scoped_id, m.linked_id, m.wa_id, t.content, \
                a.seq, a.number, a.epoch, a.outcome, a.ended_at, s.scope \
             FROM messages m JOIN attempts a ON a.message_id = m.id AND a.number = m.attempts \
             LEFT JOIN message_contents t ON t.message_seq = m.seq \
             LEFT JOIN suppressions s ON s.workspace_id = m.workspace_id AND s.hash = m.hash \
             WHERE m.seq = ANY($1) AND m.state = 'sending' ORDER BY m.seq FOR UPDATE OF m, a",
        );
        let mut open = BTreeMap::new();
        for row in &self.all(query.bind(sending)).await? {
            let cells = Cells::new("attempts", row);
            let message = cells.id("id")?;
            let (outcome, lane) = (read_outcome(cells)?, cells.word::<Lane>("lane")?);
            let scope = cells.opt_word::<SuppressionScope>("scope")?;
            let forbids = scope.is_some_and(|scope| scope == SuppressionScope::All || lane == Lane::Campaign);
            let seq = cells.number("seq")?;
            let mut epoch = Epoch(cells.number("epoch")?);
            if outcome.is_none() && forbids {
                found.forbidden.insert(message);
            } else if outcome.is_none() {
                found.orphans.push(seq);
                epoch = holder;
            }
            let (to, content) = (cells.address()?, cells.json("content")?);
            let (attempt, wa_id) = (cells.small("number")?, cells.wa_id("wa_id")?);
            open.insert(seq, OpenAttempt { message, attempt, epoch, wa_id, to, content, outcome });
        }
        // In the order of their intents.
        found.attempts = open.into_values().collect();
        Ok(found)
    }
}
