//! Taking over what the holder before left open.

use chrono::{DateTime, Utc};
use paceline_domain::{Epoch, Lane, Outcome, SenderId, SuppressionScope, WorkerId};
use paceline_store::{
    intents::{AttemptOutcome, OpenAttempt},
    leases::Fenced,
};

use super::{outcomes, read_content};
use crate::{
    Fallible, leases,
    rows::{AdoptableRow, Gate},
    transaction::Tx,
};

/// What becomes of an attempt that was left open.
enum Fate {
    /// It has ended: its result is to be published again.
    Ended,
    /// It may be sent again.
    Orphan,
    /// It may not, because its recipient was suppressed since.
    Forbidden,
}

/// Hands the sender's open attempts to its new holder. Orphans take its epoch; of those that may not be sent again nobody will know
/// more than now.
pub(super) async fn adopt(
    tx: &mut Tx<'_>,
    sender: SenderId,
    (epoch, worker): (Epoch, WorkerId),
    now: DateTime<Utc>,
) -> Fallible<Fenced<Vec<OpenAttempt>>> {
    if leases::lock_held(tx, sender, epoch).await?.is_none() {
        return Ok(Fenced::LeaseLost);
    }
    let rows = lock_open(tx, sender).await?;
    let (mut open, mut orphans, mut lost) = (Vec::with_capacity(rows.len()), Vec::new(), Vec::new());
    for row in &rows {
        let mut attempt = open_attempt(row)?;
        match row.fate() {
            Fate::Ended => {}
            Fate::Orphan => {
                attempt.epoch = epoch;
                orphans.push(&row.attempt);
            }
            Fate::Forbidden => {
                attempt.outcome = Some((Outcome::Unknown, now));
                let (message, number, epoch) = (row.attempt.message, row.attempt.number, row.attempt.epoch);
                lost.push(AttemptOutcome { message, attempt: number, epoch, outcome: Outcome::Unknown, at: now });
            }
        }
        open.push(attempt);
    }
    if !orphans.is_empty() {
        tx.rows.adopt_attempts(&orphans, epoch, worker).await?;
    }
    outcomes::record(tx, &lost).await?;
    Ok(Fenced::Done(open))
}

/// Passes the gates of those whom the sender is sending to, and locks its open attempts, in the order of their intents. Handing one out
/// to be sent again is an intent in all but name.
async fn lock_open(tx: &mut Tx<'_>, sender: SenderId) -> Fallible<Vec<AdoptableRow>> {
    let sending = tx.rows.list_sending(sender).await?;
    if sending.is_empty() {
        return Ok(Vec::new());
    }
    let gates: Vec<Gate> = sending.iter().map(|(_, person)| Gate::Person(*person)).collect();
    tx.rows.pass_gates(&gates).await?;
    // What was being sent a moment ago may have been settled since.
    let messages: Vec<i64> = sending.iter().map(|(seq, _)| *seq).collect();
    tx.rows.lock_adoptable(&messages).await
}

impl AdoptableRow {
    fn fate(&self) -> Fate {
        let forbids = |scope| scope == SuppressionScope::All || self.lane == Lane::Campaign;
        match self.outcome {
            Some(_) => Fate::Ended,
            None if self.suppression.is_some_and(forbids) => Fate::Forbidden,
            None => Fate::Orphan,
        }
    }
}

fn open_attempt(row: &AdoptableRow) -> Fallible<OpenAttempt> {
    Ok(OpenAttempt {
        message: row.attempt.message,
        attempt: row.attempt.number,
        epoch: row.attempt.epoch,
        wa_id: row.wa_id.clone(),
        to: row.to.clone(),
        content: read_content(row.attempt.message, &row.content)?,
        outcome: row.outcome.clone(),
    })
}
