//! Outcomes: the first one of an attempt stays.

use std::collections::HashSet;

use paceline_domain::Outcome;
use paceline_store::intents::AttemptOutcome;

use crate::{
    Fallible,
    rows::{Believed, OutcomeWrite},
    transaction::Tx,
};

/// Writes outcomes to attempts that have none, of those who may say so: that a message was sent is the truth about the past, whoever
/// tells it; anything else is for the attempt's present holder to say, who may be sending it.
pub(crate) async fn record(tx: &mut Tx<'_>, outcomes: &[AttemptOutcome]) -> Fallible<()> {
    let mut named = HashSet::with_capacity(outcomes.len());
    let first = outcomes.iter().filter(|outcome| named.insert((outcome.message, outcome.attempt)));
    let writes: Vec<OutcomeWrite<'_>> = first.map(write_of).collect();
    if writes.is_empty() { Ok(()) } else { tx.rows.write_outcomes(&writes).await }
}

fn write_of(reported: &AttemptOutcome) -> OutcomeWrite<'_> {
    let (believed, provider_id) = match &reported.outcome {
        Outcome::Sent { provider_id } => (Believed::OfAnyone, provider_id.as_deref()),
        _ => (Believed::OfTheHolder, None),
    };
    OutcomeWrite {
        message: reported.message,
        attempt: reported.attempt,
        epoch: reported.epoch,
        believed,
        outcome: &reported.outcome,
        at: reported.at,
        provider_id,
    }
}
