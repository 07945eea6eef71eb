//! What the outcome of an attempt, or a receipt, means for a message.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use paceline_domain::{AttemptNumber, FailureReason, MAX_ATTEMPTS, MessageId, MessageMove, Outcome, ReceiptKind};
use paceline_store::intents::AttemptOutcome;

use crate::rows::EndedAttemptRow;

/// What an outcome or a receipt means for a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// The move.
    pub happened: MessageMove,
    /// Why it failed, when it did.
    pub reason: Option<FailureReason>,
    /// Not to be tried again before this, when it waits again.
    pub not_before: Option<DateTime<Utc>>,
}

/// The attempts that have ended of the messages that a batch of results is about, as their rows have them.
#[derive(Debug, Default)]
pub(crate) struct EndedAttempts(HashMap<MessageId, Vec<EndedAttemptRow>>);

impl EndedAttempts {
    /// What a reported outcome means for a message whose present attempt is `present`; `None`: nothing. That a message was sent is
    /// believed of whoever says so. Anything else counts only of the present attempt, and as its row has it, which knows who may say
    /// so.
    pub(crate) fn settle(&self, reported: &AttemptOutcome, present: AttemptNumber) -> Option<Settlement> {
        let AttemptOutcome { message, attempt, epoch, outcome, .. } = reported;
        if matches!(outcome, Outcome::Sent { .. }) {
            return Some(settle(outcome, 0));
        }
        let ended = self.0.get(message)?;
        let is_it = |row: &&EndedAttemptRow| {
            (row.attempt, row.epoch) == (*attempt, *epoch) && row.outcome.as_str() == outcome.as_str()
        };
        let row = ended.iter().find(is_it).filter(|row| row.attempt == present)?;
        let refusals = ended.iter().filter(|row| matches!(row.outcome, Outcome::Unsent { .. })).count();
        Some(settle(&row.outcome, AttemptNumber::try_from(refusals).unwrap_or(AttemptNumber::MAX)))
    }
}

impl From<Vec<EndedAttemptRow>> for EndedAttempts {
    fn from(rows: Vec<EndedAttemptRow>) -> Self {
        let mut ended: HashMap<MessageId, Vec<EndedAttemptRow>> = HashMap::new();
        for row in rows {
            ended.entry(row.message).or_default().push(row);
        }
        Self(ended)
    }
}

/// What the outcome of an attempt means for a message. `refusals` counts the message's attempts that ended as
/// [`Outcome::Unsent`], this one included.
pub fn settle(outcome: &Outcome, refusals: AttemptNumber) -> Settlement {
    let settlement = |happened, reason, not_before| Settlement { happened, reason, not_before };
    match outcome {
        Outcome::Sent { .. } => settlement(MessageMove::Accept, None, None),
        Outcome::Rejected { reason } => settlement(MessageMove::Reject, Some(*reason), None),
        Outcome::Unsent { .. } if refusals >= MAX_ATTEMPTS => {
            settlement(MessageMove::Reject, Some(FailureReason::AttemptsExhausted), None)
        }
        Outcome::Unsent { not_before } | Outcome::Interrupted { not_before } => {
            settlement(MessageMove::Unsent, None, Some(*not_before))
        }
        Outcome::Unknown => settlement(MessageMove::Lose, None, None),
    }
}

/// What a receipt means for a message.
pub const fn settle_receipt(kind: ReceiptKind) -> Settlement {
    let (happened, reason) = match kind {
        ReceiptKind::Delivered => (MessageMove::Deliver, None),
        ReceiptKind::Read => (MessageMove::Read, None),
        ReceiptKind::Failed => (MessageMove::Reject, Some(FailureReason::Refused)),
    };
    Settlement { happened, reason, not_before: None }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use paceline_domain::{AttemptNumber, Epoch, FailureReason, MAX_ATTEMPTS, MessageId, MessageMove, Outcome};
    use paceline_store::intents::AttemptOutcome;

    use super::{EndedAttemptRow, EndedAttempts};

    const MESSAGE: MessageId = MessageId::from_bytes([1; 16]);
    const UNSENT: Outcome = Outcome::Unsent { not_before: DateTime::UNIX_EPOCH };

    fn ended(outcomes: &[Outcome]) -> EndedAttempts {
        let row = |(attempt, outcome): (AttemptNumber, &Outcome)| EndedAttemptRow {
            message: MESSAGE,
            attempt,
            epoch: Epoch(7),
            outcome: outcome.clone(),
        };
        EndedAttempts::from((1..).zip(outcomes).map(row).collect::<Vec<_>>())
    }

    fn reported(attempt: AttemptNumber, epoch: i64, outcome: Outcome) -> AttemptOutcome {
        AttemptOutcome { message: MESSAGE, attempt, epoch: Epoch(epoch), outcome, at: DateTime::UNIX_EPOCH }
    }

    #[test]
    fn that_a_message_was_sent_is_believed_of_any_attempt_and_anyone() {
        let sent = Outcome::Sent { provider_id: None };
        let settled = ended(&[]).settle(&reported(1, 3, sent), 4).expect("it counts");
        assert_eq!(settled.happened, MessageMove::Accept);
    }

    #[test]
    fn anything_else_counts_only_of_the_present_attempt_and_as_its_row_has_it() {
        let ended = ended(&[Outcome::Unknown, Outcome::Unknown]);
        let happened = |attempt, epoch, outcome| ended.settle(&reported(attempt, epoch, outcome), 2);
        assert_eq!(happened(2, 7, Outcome::Unknown).map(|it| it.happened), Some(MessageMove::Lose));
        assert_eq!(happened(1, 7, Outcome::Unknown), None, "an earlier attempt");
        assert_eq!(happened(2, 6, Outcome::Unknown), None, "a former holder");
        assert_eq!(happened(2, 7, UNSENT), None, "another outcome than the row's");
    }

    #[test]
    fn a_message_that_was_turned_away_too_often_fails_and_interruptions_do_not_count() {
        let mut outcomes = vec![UNSENT; usize::try_from(MAX_ATTEMPTS).expect("it is small")];
        outcomes.insert(1, Outcome::Interrupted { not_before: DateTime::UNIX_EPOCH });
        let settled = |attempts: &[Outcome]| {
            let last = AttemptNumber::try_from(attempts.len()).expect("they are few");
            ended(attempts).settle(&reported(last, 7, UNSENT), last).expect("it counts")
        };
        assert_eq!(settled(&outcomes).reason, Some(FailureReason::AttemptsExhausted));
        outcomes.pop();
        assert_eq!(settled(&outcomes).happened, MessageMove::Unsent);
    }
}
